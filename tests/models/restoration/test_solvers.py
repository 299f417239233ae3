"""Butcher tableaux: their orders, their composition, and tableaux that are learned."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from duplex.models.restoration.solvers import (
    RALSTON2,
    RALSTON3,
    RALSTON32,
    RK4,
    RK4_38,
    SCHEMES,
    LearnedTableau,
    Tableau,
    compose,
    euler,
    fit_tableau,
    integrate,
)
from duplex.streaming.errors import SettingsError

ORDERS = {"midpoint": 2, "heun": 2, "ralston2": 2, "ralston3": 3, "rk4": 4, "rk4_38": 4, "ralston32": 2}


def logistic(_: int, x: Tensor, t: Tensor) -> Tensor:
    """dx/dt = x (1 - x) cos t, solved by `logistic_end`."""
    return x * (1 - x) * torch.cos(t)


def logistic_end(x: Tensor) -> Tensor:
    return 1 / (1 + (1 / x - 1) * math.exp(-math.sin(1)))


def repeated(tableau: Tableau, times: int) -> Tableau:
    whole = tableau
    for done in range(1, times):
        whole = compose(whole, tableau, done / (done + 1))
    return whole


@pytest.mark.parametrize("name", SCHEMES)
def test_schemes_have_their_order(name: str) -> None:
    """Halving the step divides the error by 2 to the order."""
    start = torch.linspace(0.05, 0.9, 9, dtype=torch.float64)
    errors = [
        (integrate(logistic, start, repeated(SCHEMES[name], steps)) - logistic_end(start)).abs().max().item()
        for steps in (4, 8)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(ORDERS[name], abs=0.4)


@given(steps=st.integers(1, 12))
@settings(deadline=None)
def test_euler_is_the_plain_loop(steps: int) -> None:
    x = torch.tensor([0.1, 0.5], dtype=torch.float64)
    expected = x
    for i in range(steps):
        expected = expected + logistic(i, expected, torch.tensor(i / steps)) / steps
    tableau = euler(steps)
    assert tableau.stages == steps
    torch.testing.assert_close(integrate(logistic, x, tableau), expected)


def test_stages_are_called_once_each_in_order_at_their_times() -> None:
    calls = []

    def velocity(stage: int, x: Tensor, t: Tensor) -> Tensor:
        calls.append((stage, round(t.item(), 4)))
        return x

    integrate(velocity, torch.ones(1, 2, dtype=torch.complex64), RK4_38)
    assert calls == [(0, 0.0), (1, 0.3333), (2, 0.6667), (3, 1.0)]


def test_composition_is_one_scheme_after_the_other() -> None:
    x = torch.tensor([0.2], dtype=torch.float64)
    middle = integrate(lambda s, y, t: 0.3 * logistic(s, y, 0.3 * t), x, RK4)
    end = integrate(lambda s, y, t: 0.7 * logistic(s, y, 0.3 + 0.7 * t), middle, RALSTON3)
    torch.testing.assert_close(integrate(logistic, x, compose(RK4, RALSTON3, 0.3)), end)


def test_start_of_the_learned_five_stage_solvers() -> None:
    a = 0.55
    expected_c = [0, a / 2, 3 * a / 4, a, 2 / 3 + a / 3]
    expected_b = [2 * a / 9, a / 3, 4 * a / 9, (1 - a) / 4, 3 * (1 - a) / 4]
    torch.testing.assert_close(RALSTON32.c, torch.tensor(expected_c, dtype=torch.float64))
    torch.testing.assert_close(RALSTON32.b, torch.tensor(expected_b, dtype=torch.float64))
    assert RALSTON32.a[4, 3].item() == pytest.approx(2 / 3 * (1 - a))


def test_implicit_and_ill_shaped_tableaux_are_refused() -> None:
    with pytest.raises(SettingsError, match="strictly lower"):
        Tableau(torch.eye(2), torch.ones(2) / 2, torch.ones(2))
    with pytest.raises(SettingsError, match="belong together"):
        Tableau(torch.zeros(2, 2), torch.ones(3) / 3, torch.zeros(2))
    with pytest.raises(SettingsError, match="at least 1"):
        euler(0)


@settings(max_examples=60, deadline=None)
@given(stages=st.integers(2, 8), seed=st.integers(0, 10_000), spread=st.sampled_from([0.1, 1.0, 10.0]))
def test_whatever_is_learned_is_a_consistent_scheme(stages: int, seed: int, spread: float) -> None:
    learned = LearnedTableau(euler(stages))
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in learned.parameters():
            parameter.add_(torch.randn_like(parameter) * spread)
        tableau = learned()
    assert tableau.b.sum().item() == pytest.approx(1, abs=1e-5)
    assert tableau.b.min() >= 0.05 - 1e-6
    assert tableau.c[0] == 0 and (tableau.c.diff() >= 0).all() and tableau.c[-1] <= 0.85 + 1e-6
    assert tableau.a.triu().count_nonzero() == 0
    regular = learned.rows.tril(-1).sum(1).abs() > 1e-3
    torch.testing.assert_close(tableau.a.sum(1)[regular], tableau.c[regular], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("start", [RALSTON32, euler(4)])
def test_learning_starts_from_the_given_scheme(start: Tableau) -> None:
    learned = LearnedTableau(start)().detach()
    torch.testing.assert_close(learned.c, start.c.float(), atol=1e-5, rtol=0)
    torch.testing.assert_close(learned.a, start.a.float(), atol=1e-5, rtol=0)
    torch.testing.assert_close(learned.b, start.b.float(), atol=0.01, rtol=0)


def test_late_times_are_cut() -> None:
    learned = LearnedTableau(RK4_38)().detach()
    torch.testing.assert_close(learned.c, torch.tensor([0, 1 / 3, 2 / 3, 0.85]), atol=1e-5, rtol=0)


def test_large_entries_are_penalised() -> None:
    learned = LearnedTableau(RALSTON3)
    assert learned.penalty(learned()) == 0
    with torch.no_grad():
        learned.rows[2, 0], learned.rows[2, 1] = -1.0, 1.05  # rescaled by c_2 / 0.05
    assert learned.penalty(learned()) > 0.1


def test_scheme_with_too_many_stages_is_refused() -> None:
    with pytest.raises(SettingsError, match="fewer than 20"):
        LearnedTableau(euler(20))


def test_fit_lowers_the_loss_below_that_of_its_start() -> None:
    """A field with a kink late in the interval, for which the classical scheme is not made; held-out starts too."""

    def velocity(_: int, x: Tensor, t: Tensor) -> Tensor:
        return torch.tanh(4 * (t - 0.7)) * x + 0.5 * torch.sin(5 * t)

    drawn = torch.randn(151, 64, generator=torch.Generator().manual_seed(0))
    starts, ends = drawn.unbind(), integrate(velocity, drawn, repeated(RK4, 10)).unbind()

    def loss(tableau: Tableau, batch: tuple[Tensor, Tensor]) -> Tensor:
        return (integrate(velocity, batch[0], tableau) - batch[1]).square().mean()

    learned = LearnedTableau(RALSTON2)
    held_out = (starts[-1], ends[-1])
    before = loss(learned().detach(), held_out).item()
    history = fit_tableau(learned, loss, zip(starts[:-1], ends[:-1], strict=True), learning_rate=2e-2)
    after = loss(learned().detach(), held_out).item()
    assert len(history) == 150
    assert after < 0.3 * before
    assert after < loss(euler(2), held_out).item()
