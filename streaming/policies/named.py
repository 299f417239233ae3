"""Policies of simultaneous translation by the name that a user gives: "wait-k", "retranslate:2"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from duplex.streaming.errors import SettingsError
from duplex.streaming.policies.append_only import AgreeingTranslations, AlignAtt, WaitK
from duplex.streaming.policies.retranslation import MaskedRetranslation
from duplex.streaming.policies.simultaneous import Policy
from duplex.streaming.policies.truncation import MOST


@dataclass(frozen=True, slots=True)
class _Kind:
    """parameter: what the number behind the colon is; low: the least it may be. make: the policy for one segment."""

    parameter: str
    low: int
    default: int
    make: Callable[[int], Policy]


STREAM_UNI = "streamuni"
_KINDS = {
    "retranslate": _Kind("words held back", 0, 3, lambda mask: MaskedRetranslation(mask=mask)),
    "wait-k": _Kind("words to wait", 1, 3, lambda k: WaitK(k=k)),
    "agreement": _Kind("translations that agree", 2, 2, lambda agree: AgreeingTranslations(agree=agree)),
    "alignatt": _Kind("words at the end that are not trusted", 1, 2, lambda margin: AlignAtt(margin=margin)),
    # StreamUni is wait-k within segments that Truncation cuts; see NamedPolicy.cuts.
    STREAM_UNI: _Kind("words to wait", 1, 5, lambda k: WaitK(k=k, most=MOST)),
}
NAMES = tuple(_KINDS)
HIGHEST = 50
"""Of any parameter: longer than a segment is."""


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """name: one of NAMES. parameter: its number."""

    name: str
    parameter: int

    @classmethod
    def parse(cls, text: str) -> NamedPolicy:
        """Of "NAME" or "NAME:NUMBER". Raises SettingsError, in one line."""
        name, colon, number = text.strip().partition(":")
        kind = _KINDS.get(name)
        if kind is None:
            raise SettingsError(f"translation_policy is one of {', '.join(NAMES)}, not {text!r}")
        if not colon:
            return cls(name, kind.default)
        if not (number.isascii() and number.isdigit() and kind.low <= int(number) <= HIGHEST):
            raise SettingsError(
                f"translation_policy {name}:N needs a number N from {kind.low} to {HIGHEST} ({kind.parameter}), "
                f"not {number!r}"
            )
        return cls(name, int(number))

    @property
    def cuts(self) -> bool:
        """Whether segments end where truncation.Truncation says, which is a part of this policy."""
        return self.name == STREAM_UNI

    def policy(self) -> Policy:
        """With its state, for one segment."""
        return _KINDS[self.name].make(self.parameter)
