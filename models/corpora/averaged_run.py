"""A training whose averaged weights are validated: schedule of its rate, its batches, its steps, its checkpoints."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from duplex.models.corpora.optimizers import average_into
from duplex.models.corpora.training_run import TrainingRun

CLIP = 1.0
"""Norm that gradients are cut to."""


@dataclass(frozen=True)
class Schedule:
    """How a training runs. rate: peak. hold: step at which it begins to fall. average: EMA's decay.

    check, save: minutes between validations and between checkpoints.
    """

    rate: float = 1e-3
    warm_up: int = 200
    hold: float = math.inf
    average: float = 0.998
    check: float = 20.0
    save: float = 5.0


def rate_at(step: int, plan: Schedule) -> float:
    """Linear warm-up, a plateau, then the inverse root, so that a training may be continued at any time."""
    return plan.rate * min(1.0, (step + 1) / plan.warm_up) * min(1.0, math.sqrt(plan.hold / max(step, 1)))


class AveragedRun(TrainingRun):
    """net, average: of one class; average takes the weights of net. steppers: their order is that of checkpoints.

    NET: what the network is called in checkpoints. A subclass calls `resume` when it is made.
    """

    COUNTERS = ("step", "pool", "place", "used", "tokens", "best")
    NET: ClassVar[str] = "net"

    def __init__(
        self, out: Path, net: Any, average: Any, steppers: Sequence[torch.optim.Optimizer], plan: Schedule
    ) -> None:
        super().__init__(out)
        self.net: nn.Module | Any = net
        self.average: nn.Module | Any = average
        self.average.load_state_dict(net.state_dict())
        self.steppers, self.plan = steppers, plan
        self.pool, self.place = 0, 0
        self._batches: Sequence[Any] | None = None

    @abstractmethod
    def pool_of(self, number: int) -> Sequence[Any]:
        """The batches of a pool, the same for the same number."""

    def state(self) -> dict[str, Any]:
        return {
            self.NET: self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [stepper.state_dict() for stepper in self.steppers],
            "random": torch.get_rng_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state[self.NET])
        self.average.load_state_dict(state["average"])
        for stepper, kept in zip(self.steppers, state["optimizers"], strict=True):
            stepper.load_state_dict(kept)
        if "random" in state:
            torch.set_rng_state(state["random"])

    def next_batch(self) -> Any:
        """The batch after the last one, from the next pool if this one is used up."""
        while self._batches is None or self.place >= len(self._batches):
            if self._batches is not None:
                self.pool, self.place = self.pool + 1, 0
            self._batches = self.pool_of(self.pool)
        self.place += 1
        return self._batches[self.place - 1]

    def update(self, loss: Tensor, count: int, factor: float = 1.0) -> None:
        """Changes the weights for a loss of `count` tokens. factor: of the rate, for a cool-down."""
        for stepper in self.steppers:
            stepper.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        for stepper in self.steppers:
            for group in stepper.param_groups:
                group["lr"] = rate_at(self.step, self.plan) * factor
            stepper.step()
        self.step += 1
        self.tokens += count
        average_into(self.average, self.net, min(self.plan.average, (1 + self.step) / (10 + self.step)))

    def train(
        self,
        advance: Callable[[float], Mapping[str, float]],
        validate: Callable[[], None],
        minutes: float = math.inf,
        cool_down: int = 0,
        every: int = 50,
    ) -> None:
        """Until `minutes` of computing in all are used up, or at the end of a cool-down of so many steps.

        advance: one step, given the factor of its rate, gives its losses. every: steps between lines of the log.
        """
        first = self.step
        self.loop(
            lambda: advance(1 - (self.step - first) / cool_down if cool_down else 1.0),
            validate,
            lambda: self.used < minutes * 60 and not (cool_down and self.step - first >= cool_down),
            every=every,
            check=self.plan.check,
            save=self.plan.save,
        )
