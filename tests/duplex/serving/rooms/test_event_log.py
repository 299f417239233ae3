"""What a page finds when it comes back, and what a room takes along to another process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duplex.serving.rooms import event_log as journals
from duplex.serving.rooms.event_log import EventLog
from duplex.serving.rooms.handover import ResumeState
from duplex.session_record.session_log import parse_events
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import CallError


def turn(at: float, text: str, number: int, party: str = "user") -> dict[str, Any]:
    start = round(at * SAMPLE_RATE)
    return {
        "type": "turn",
        "start": start,
        "end": start + SAMPLE_RATE,
        "party": party,
        "text": text,
        "turn": number,
        "kind": "turn",
    }


def reply(at: float, text: str, number: int) -> dict[str, Any]:
    start = round(at * SAMPLE_RATE)
    times = {"start": start, "end": start + SAMPLE_RATE, "decided": start - 9, "first_token": start - 5}
    return {
        "type": "reply",
        **times,
        "first_audible": start,
        "epoch": number,
        "turn": number,
        "text": text,
        "full_text": text + " and more",
        "interrupted": True,
    }


def timer(at: float, due: float, action: str = "timer") -> dict[str, Any]:
    start = round(at * SAMPLE_RATE)
    due_at = round(due * SAMPLE_RATE)
    return {"type": "control", "start": start, "end": start, "action": action, "value": 1.0, "text": "up", "at": due_at}


def partial(at: float, text: str) -> dict[str, Any]:
    start = round(at * SAMPLE_RATE)
    return {"type": "partial", "start": start, "end": start, "party": "user", "text": text, "stable": 0}


def test_partials_pass() -> None:
    event_log = EventLog()
    event_log.add(partial(1.0, "what"))
    event_log.add(partial(1.2, "what time"))
    assert [event["text"] for event in event_log.page()["events"]] == ["what time"] and event_log.lasting() == []
    event_log.add(turn(1.0, "what time", 1))
    assert [event["type"] for event in event_log.page()["events"]] == ["turn"] and event_log.end == 1


def test_it_is_bounded_and_numbers_stay(monkeypatch: Any) -> None:
    monkeypatch.setattr(journals, "MOST", 10)
    event_log = EventLog()
    for number in range(25):
        event_log.add(turn(number, str(number), number))
    assert event_log.end == 25 and [event["text"] for event in event_log.page()["events"]] == [
        str(n) for n in range(15, 25)
    ]
    assert [event["text"] for event in event_log.lasting(23)] == ["23", "24"]
    assert len(event_log.lasting(3)) == 10 and event_log.lasting(25) == []


def test_downloads() -> None:
    event_log = EventLog()
    event_log.add(turn(1.0, "what time is it", 1, "Ann"))
    event_log.add(reply(3.0, "half past", 1))
    text = {name: journals.export(event_log.lasting(), name) for name in (*journals.EXPORTS, journals.LOG)}
    with pytest.raises(CallError, match="other"):
        journals.export(event_log.lasting(), "other")
    assert text["transcript.txt"] == (
        "text/plain",
        "[00:00:01] Ann: what time is it\n[00:00:03] assistant: half past\n",
    )
    assert "Ann: what time is it" in text["subtitles.srt"][1] and "<v Ann>" in text["subtitles.vtt"][1]
    lines = [json.loads(line) for line in text[journals.LOG][1].splitlines()]
    assert lines == event_log.page()["events"]


def test_what_goes_on_elsewhere_reads_as_one_conversation() -> None:
    before = [turn(1.0, "remember the milk", 1), reply(3.0, "yes", 1), turn(6.0, "thanks", 2)]
    event_log = EventLog(before, shift=20 * SAMPLE_RATE)
    event_log.add({"type": "session_started", "start": 0, "end": 0, "parties": (), "wall_time": "", "settings": {}})
    event_log.add(turn(1.0, "what was it", 1))
    told = event_log.add(reply(3.0, "milk", 1))
    assert told["decided"] == round(23 * SAMPLE_RATE) - 9 and (told["turn"], told["epoch"]) == (3, 2)
    log = parse_events(event_log.page()["events"])
    assert [(t.number, t.start, t.text) for t in log.turns] == [
        (1, 1.0, "remember the milk"),
        (2, 6.0, "thanks"),
        (3, 21.0, "what was it"),
    ]
    assert [(r.start, r.text) for r in log.replies] == [(3.0, "yes"), (23.0, "milk")]


def test_memory_and_timers_go_along() -> None:
    events = [
        turn(1.0, "remember the milk", 1),
        reply(3.0, "yes", 1),
        timer(4.0, 100.0),
        timer(4.5, 0.0, "cancel_timers"),
        timer(5.0, 60.0),
        timer(6.0, 8.0),
        timer(7.0, 15.0),
        turn(9.0, "thanks", 2),
    ]
    past = ResumeState.unpack(ResumeState(events, 20 * SAMPLE_RATE).pack())
    assert [(u.party, u.text, u.start, u.end, u.interrupted) for u in past.heard()] == [
        ("user", "remember the milk", -19.0, -18.0, False),
        ("assistant", "yes", -17.0, -16.0, True),
        ("user", "thanks", -11.0, -10.0, False),
    ]
    # The one due at 8 s was announced while the first process still ran, that at 15 s never was.
    assert [timer.at for timer in past.timers()] == [40.0, -5.0]


def test_of_a_caption_that_changes_only_the_newest_state_is_kept() -> None:
    def caption(text: str, number: int, final: bool) -> dict[str, Any]:
        at = {"start": 0, "end": SAMPLE_RATE, "party": "user"}
        return {"type": "translation", **at, "caption": number, "language": "de", "text": text, "final": final}

    log = EventLog()
    for text in ("Ich", "Ich habe"):
        log.add(caption(text, 0, False))
    assert [event["text"] for event in log.page()["events"]] == ["Ich habe"] and log.end == 0
    log.add(caption("Ich habe Zeit.", 0, True))
    assert [event["text"] for event in log.page()["events"]] == ["Ich habe Zeit."]
    resumed = EventLog(log.lasting(), shift=9)
    assert resumed.add(caption("Du", 0, True))["caption"] == 1


def test_subtitles_in_each_language_that_was_read() -> None:
    at = {"start": SAMPLE_RATE, "end": 2 * SAMPLE_RATE, "party": "Ann", "source": "Good day.", "hopeless": False}
    event_log = EventLog([turn(1.0, "Good day.", 1, "Ann")])
    for caption, (language, text) in enumerate({"de": "Guten Tag.", "fr": "Bonjour."}.items()):
        event_log.add(
            {"type": "translation", **at, "caption": caption, "language": language, "text": text, "final": True}
        )
    events = event_log.lasting()
    media_type, german = journals.export(events, "subtitles.de.srt")
    assert media_type == "application/x-subrip" and "Ann: Guten Tag." in german and "Good" not in german
    media_type, both = journals.export(events, "subtitles.fr.both.vtt")
    assert media_type == "text/vtt" and both.index("Bonjour.") < both.index("Good day.")
    assert journals.export(events, "transcript.de.txt")[1] == "[00:00:01] Ann: Guten Tag.\n"
    assert "Good day." in journals.export(events, "subtitles.srt")[1]
    for name in ("subtitles.pt.srt", "subtitles.de.txt", "log.de.srt", "subtitles.de.all.srt"):
        with pytest.raises(CallError, match="no download"):
            journals.export(events, name)
