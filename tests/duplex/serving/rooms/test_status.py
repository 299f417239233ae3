"""What the page is told that the assistant is doing."""

from __future__ import annotations

from duplex import events as ev
from duplex.serving.rooms.status import AssistantStatus


def test_an_answer_without_words_leaves_nobody_thinking() -> None:
    status = AssistantStatus()
    assert status.update(ev.Decision(0, 8000, "endpoint", "silence", 1, 1)) == {
        "type": "state",
        "assistant": "thinking",
    }
    stopped = status.update(ev.Controlled(8000, 8000, "stop", 1.0, "", 0))
    assert stopped == {"type": "state", "assistant": "listening"}
    status.update(ev.Decision(9000, 9600, "endpoint", "silence", 2, 2))
    heard = status.update(ev.SpeechStarted(12_000, 12_800, "user"))
    assert heard == {"type": "state", "assistant": "listening"}
    assert status.update(ev.ReplyStarted(13_000, 13_160, 2, 2)) == {"type": "state", "assistant": "speaking"}


def test_an_interruption_names_the_word() -> None:
    status = AssistantStatus()
    status.update(ev.ReplyStarted(0, 160, 1, 1))
    status.update(ev.Suspended(16_000, 18_000, 1, 17_900))
    told = status.update(ev.Interrupted(16_000, 18_000, 1, 17_900, "I can tell"))
    assert told == {"type": "state", "assistant": "interrupted", "word": "tell"}
    assert status.update(ev.SpeechStarted(40_000, 41_000, "user")) == {"type": "state", "assistant": "listening"}
