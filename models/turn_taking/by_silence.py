"""Turn taking without an opinion about words: the length of a pause decides. For languages without a text model."""

from __future__ import annotations

from duplex.models.turn_taking.contract import TurnTakingModels

_UNKNOWN = 0.5


def by_silence() -> TurnTakingModels:
    return TurnTakingModels(_unknown, _never_backchannel, _never_asks, "silence", None)


def _unknown(text: str) -> float:
    return _UNKNOWN


def _never_backchannel(text: str, *, answering: bool = False) -> bool:
    return False


def _never_asks(text: str) -> bool:
    return False
