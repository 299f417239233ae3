"""A whole session with a slow tool, at virtual time: said, interrupted, and never in the way of hearing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from duplex.events import Interrupted, Reply, ToolCalled, ToolReturned, Turn
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.session_record.recorder import Recorder
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.testing import Playout, UserSpeech, converse, scripted_engines

WORK = 6.0
"""Seconds that the tool takes."""


async def check_harbor() -> str:
    """Check the harbor."""
    await asyncio.sleep(WORK)
    return "The harbor is open."


def session(*sounds: UserSpeech, duration: float = 14.0) -> Playout:
    engines = scripted_engines(sounds)
    engines.answerer = Skills(toolbox=Toolbox([check_harbor]))
    return converse(sounds, engines=engines, duration=duration)


def test_a_slow_tool_is_announced_and_then_answered():
    playout = session(UserSpeech(0.5, 1.5, "check the harbor"))
    (called,), (returned,) = playout.of(ToolCalled), playout.of(ToolReturned)
    assert (called.tool, returned.text, returned.failed, returned.late) == (
        "check_harbor",
        "The harbor is open.",
        False,
        False,
    )
    assert abs(returned.end - called.start - WORK * SAMPLE_RATE) <= 2 * FRAME
    (reply,) = playout.of(Reply)
    assert (reply.text, reply.interrupted) == ("One moment. The harbor is open.", False)
    first, *_, last = playout.audible()
    assert first[0] < called.start + 2 * SAMPLE_RATE, "it is said within two seconds that it takes longer"
    assert last[1] > returned.end, "and what came of it when it is there"


def test_the_user_is_heard_and_answered_while_the_tool_works():
    playout = session(UserSpeech(0.5, 1.5, "check the harbor"), UserSpeech(6.0, 7.0, "what time is it"))
    (called,) = playout.of(ToolCalled)[:1]
    returned = next(event for event in playout.of(ToolReturned) if event.tool == "check_harbor")
    assert [turn.text for turn in playout.of(Turn)] == ["check the harbor", "what time is it"]
    answer = playout.of(Reply)[-1]
    assert answer.text == "It is 9:30 AM."
    assert answer.first_audible < returned.end, "the answer does not wait for the tool"
    assert returned.late, "nobody waits for it any more"
    assert not any("harbor is open" in reply.text for reply in playout.of(Reply))
    assert called.turn != answer.turn


def test_what_it_says_can_be_interrupted():
    # The result is being spoken when the user comes in.
    playout = session(UserSpeech(0.5, 1.5, "check the harbor"), UserSpeech(9.4, 10.4, "what time is it"))
    (returned,) = [event for event in playout.of(ToolReturned) if event.tool == "check_harbor"]
    assert not returned.late
    assert len(playout.of(Interrupted)) == 1
    interrupted, answer = playout.of(Reply)
    assert interrupted.interrupted
    assert interrupted.text.startswith("One moment.")
    assert "open" not in interrupted.text, "only what was heard is remembered"
    assert answer.text == "It is 9:30 AM."


def test_the_log_and_its_exports_have_the_call(tmp_path: Path):
    playout = session(UserSpeech(0.5, 1.5, "check the harbor"), UserSpeech(6.0, 7.0, "what time is it"))
    recorder = Recorder(tmp_path)
    for event in playout.events:
        recorder.on_event(event)
    recorder.close()
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text("utf-8").splitlines()]
    harbor = [line for line in lines if line.get("tool") == "check_harbor"]
    assert [line["type"] for line in harbor] == ["tool_called", "tool_returned"]
    assert harbor[1]["late"]
    text = (tmp_path / "transcript.txt").read_text("utf-8")
    assert "check the harbor" in text
    assert "harbor is open" not in text, "nobody has heard it"
