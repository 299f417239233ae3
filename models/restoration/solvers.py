"""Solvers of the flow's differential equation, each one explicit Runge-Kutta step over the whole interval [0, 1].

N Euler steps, too, are a Runge-Kutta scheme of N stages, so that all solvers are Butcher tableaux and every network
call is one stage of one: a streaming solver keeps one network state per stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from duplex.streaming.errors import SettingsError

Batch = TypeVar("Batch")

Velocity = Callable[[int, Tensor, Tensor], Tensor]
"""(stage, x, t) -> dx/dt at x; t is a scalar tensor in [0, 1]."""


@dataclass(frozen=True)
class Tableau:
    """a: (stages, stages) strictly lower triangular, b: (stages,) weights, c: (stages,) times in [0, 1]."""

    a: Tensor
    b: Tensor
    c: Tensor

    def __post_init__(self) -> None:
        stages = len(self.b)
        if self.a.shape != (stages, stages) or self.c.shape != (stages,):
            raise SettingsError(
                f"Butcher tableau: a {tuple(self.a.shape)}, b {tuple(self.b.shape)} and c {tuple(self.c.shape)} do "
                "not belong together; give (stages, stages), (stages,) and (stages,)"
            )
        if self.a.detach().triu().count_nonzero():
            raise SettingsError(
                "Butcher tableau: only explicit schemes can be run; a must be strictly lower triangular"
            )

    @classmethod
    def of(cls, rows: list[list[float]], b: list[float]) -> Tableau:
        """From the rows of a below the first one, each as long as it is, and b; c is a's row sums."""
        a = torch.zeros(len(b), len(b), dtype=torch.float64)
        for stage, row in enumerate(rows, start=1):
            a[stage, : len(row)] = torch.tensor(row, dtype=torch.float64)
        return cls(a, torch.tensor(b, dtype=torch.float64), a.sum(1))

    @property
    def stages(self) -> int:
        """Network calls."""
        return len(self.b)

    def detach(self) -> Tableau:
        return Tableau(self.a.detach(), self.b.detach(), self.c.detach())

    def to(self, like: Tensor) -> Tableau:
        """In the type and on the device of `like`'s real part."""
        if (self.a.device, self.a.dtype) == (like.device, like.real.dtype):
            return self
        return Tableau(*(entry.to(device=like.device, dtype=like.real.dtype) for entry in (self.a, self.b, self.c)))


def compose(first: Tableau, second: Tableau, split: float) -> Tableau:
    """`first` over [0, split], then `second` over [split, 1], as one tableau."""
    stages = first.stages
    a = torch.block_diag(split * first.a, (1 - split) * second.a)
    a[stages:, :stages] = split * first.b
    b = torch.cat((split * first.b, (1 - split) * second.b))
    return Tableau(a, b, torch.cat((split * first.c, split + (1 - split) * second.c)))


EULER = Tableau.of([], [1])
MIDPOINT = Tableau.of([[1 / 2]], [0, 1])
HEUN = Tableau.of([[1]], [1 / 2, 1 / 2])
RALSTON2 = Tableau.of([[2 / 3]], [1 / 4, 3 / 4])
RALSTON3 = Tableau.of([[1 / 2], [0, 3 / 4]], [2 / 9, 1 / 3, 4 / 9])
RK4 = Tableau.of([[1 / 2], [0, 1 / 2], [0, 0, 1]], [1 / 6, 1 / 3, 1 / 3, 1 / 6])
RK4_38 = Tableau.of([[1 / 3], [-1 / 3, 1], [1, -1, 1]], [1 / 8, 3 / 8, 3 / 8, 1 / 8])
"""Kutta's 3/8 rule, from which the learned 4-stage solver of enhancement starts."""
RALSTON32 = compose(RALSTON3, RALSTON2, 0.55)
"""Ralston's third- and second-order schemes one after the other: the start of the learned 5-stage solvers."""

SCHEMES = {
    "midpoint": MIDPOINT,
    "heun": HEUN,
    "ralston2": RALSTON2,
    "ralston3": RALSTON3,
    "rk4": RK4,
    "rk4_38": RK4_38,
    "ralston32": RALSTON32,
}


def euler(steps: int) -> Tableau:
    """`steps` equal Euler steps. Raises SettingsError if there are none."""
    if steps < 1:
        raise SettingsError(f"Euler solver: at least 1 step is needed, not {steps}")
    tableau = EULER
    for taken in range(1, steps):
        tableau = compose(tableau, EULER, taken / (taken + 1))
    return tableau


def integrate(velocity: Velocity, x: Tensor, tableau: Tableau) -> Tensor:
    """x at t = 1 from x at t = 0, any shape, real or complex. Calls `velocity` once per stage, in order."""
    tableau = tableau.to(x)
    slopes: list[Tensor] = []
    for stage in range(tableau.stages):
        at = x
        for earlier, slope in enumerate(slopes):
            at = at + tableau.a[stage, earlier] * slope
        slopes.append(velocity(stage, at, tableau.c[stage]))
    for stage, slope in enumerate(slopes):
        x = x + tableau.b[stage] * slope
    return x


class LearnedTableau(nn.Module):
    """A tableau to be trained for a frozen network (Stream.FM's learned Runge-Kutta solvers): 10 to 15 numbers.

    Always a consistent scheme: b sums to one with no weight below 5 %, c begins at 0, never falls and ends at 0.85 at
    most, row i of a sums to c_i. Starts from `start`, its times cut to 0.85 and its weights lifted to 5 %.
    """

    LEAST_WEIGHT = 0.05
    LATEST = 0.85
    LARGEST = 2.0
    """Entries of a beyond this size are penalised."""

    def __init__(self, start: Tableau) -> None:
        super().__init__()
        free = 1 - start.stages * self.LEAST_WEIGHT
        if free <= 0:
            raise SettingsError(f"learned solver: {start.stages} stages cannot all weigh 5 %; use fewer than 20")
        weights = (start.b.float() - self.LEAST_WEIGHT).clamp(min=1e-3)
        increments = start.c.float().clamp(max=self.LATEST).diff().clamp(1e-3, 1 - 1e-3)
        self.weights = nn.Parameter(weights.log())
        self.increments = nn.Parameter(increments.logit())
        self.rows = nn.Parameter(start.a.float().clone())

    def forward(self) -> Tableau:
        stages = len(self.weights)
        b = (1 - stages * self.LEAST_WEIGHT) * self.weights.softmax(0) + self.LEAST_WEIGHT
        c = torch.cat((self.increments.new_zeros(1), self.increments.sigmoid().cumsum(0)))
        c = c * (self.LATEST / c[-1].clamp(min=self.LATEST))
        rows = self.rows.tril(-1)
        sums = rows.sum(1)
        sums = torch.where(sums.abs() < 1e-3, torch.full_like(sums, 1e-3).copysign(sums), sums)
        return Tableau(rows * (c / sums)[:, None], b, c)

    def penalty(self, tableau: Tableau) -> Tensor:
        """On entries of a outside [-LARGEST, LARGEST]: large ones of opposite signs cancel and amplify errors."""
        return 0.1 * (tableau.a.abs() - self.LARGEST).clamp(min=0).sum()


def fit_tableau(
    learned: LearnedTableau,
    loss: Callable[[Tableau, Batch], Tensor],
    batches: Iterable[Batch],
    learning_rate: float = 1e-3,
) -> list[float]:
    """Adam on the tableau alone, one step per batch; returns the loss before each step.

    loss: of what the tableau makes of a batch, differentiable in the tableau through every network call. Whatever
    weights it reaches through the network receive no update; freeze them to save their gradients. Published: 25k
    steps of 5 items.
    """
    optimizer = torch.optim.Adam(learned.parameters(), lr=learning_rate)
    history = []
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        tableau = learned()
        value = loss(tableau, batch)
        (value + learned.penalty(tableau)).backward()
        optimizer.step()
        history.append(value.item())
    return history
