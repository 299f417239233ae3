"""Words with which somebody asks for the floor, however short: "stop", "wait", "no"."""

from __future__ import annotations

from duplex.models.turn_taking.word_lists import plain_words

_ASKING = frozenset(
    [
        "stop",
        "wait",
        "no",
        "hold",
        "hang",
        "hey",
        "excuse",
        "sorry",
        "pardon",
        "enough",
        "quiet",
        "silence",
        "cancel",
        "never",
        "pause",
        "shut",
        "listen",
        "actually",
        "but",
        "what",
        "hello",
    ]
)


def asks_for_floor(text: str) -> bool:
    """Whether a short utterance over somebody's speech is meant to end it. A cough, misheard as words, is not."""
    return not _ASKING.isdisjoint(plain_words(text))
