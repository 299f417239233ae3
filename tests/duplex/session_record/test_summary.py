from __future__ import annotations

import json

import pytest

from duplex import events as ev
from duplex.session_record.summary import summarize
from tests.duplex.session_record.test_session_log import S, conversation


@pytest.fixture
def summary():
    return summarize([event.as_dict() for event in conversation()])


def test_where_the_time_of_an_answer_went(summary):
    turn = summary["turns"][0]
    assert (turn["turn"], turn["party"], turn["text"], turn["reply"]) == (1, "user", "what time", "It is")
    assert turn["latency_ms"] == {"decision": 500.0, "first_token": 250.0, "first_audible": 250.0, "total": 1000.0}
    assert turn["interrupted"] is True
    assert (turn["end_of_speech"], turn["decided"], turn["first_token"], turn["first_audible"]) == (2.0, 2.5, 2.75, 3.0)


def test_a_turn_without_a_reply_has_no_times_of_one(summary):
    turn = summary["turns"][1]
    assert turn["end_of_speech"] == 11.0  # of the endpoint that stood, not of the one that was withdrawn
    assert turn["latency_ms"] == {"decision": 1000.0, "first_token": None, "first_audible": None, "total": None}
    assert turn["reply"] is None
    assert summary["latency_ms"]["decision"] == {"count": 2, "p50": 500.0, "p95": 1000.0, "max": 1000.0}
    assert summary["latency_ms"]["total"]["count"] == 1


def test_an_interruption_from_onset_to_silence(summary):
    (interruption,) = summary["interruptions"]
    assert interruption["latency_ms"] == {"decision": 200.0, "silence": 6.25, "total": 206.25}
    assert interruption["heard"] == "It is"
    assert summary["interruption_ms"]["total"]["p95"] == 206.25


def test_counts_speaking_time_drops_and_losses(summary):
    assert summary["counts"] == {
        "turns": 2,
        "backchannels": 1,
        "side_speech": 0,
        "replies": 1,
        "interrupted_replies": 1,
        "decisions": {"backchannel": 1, "barge_in": 1, "endpoint": 3, "suspend": 1, "withdraw": 1},
    }
    assert summary["speaking"] == {
        "user": {"seconds": 4.5, "words": 2, "turns": 2},
        "assistant": {"seconds": 3.26875, "words": 2, "turns": 1},
    }
    assert (summary["duration"], summary["complete"], summary["dropped"]) == (13.0, True, 3)
    assert summary["lost"][0]["capability"] == "answering"


def test_who_spoke_how_long_by_the_names_of_the_transcripts(summary):
    assert summary["speakers"] == {
        "user": {"seconds": 4.5, "words": 6, "turns": 3},
        "assistant": {"seconds": 3.26875, "words": 2, "turns": 1},
    }
    told = summarize(
        [
            ev.SpeakerTurn(0, 2 * S, "user", "ann").as_dict(),
            ev.Turn(0, 2 * S, "user", "what time is it", 1, "turn", "ann").as_dict(),
            ev.SpeakerTurn(3 * S, 4 * S, "user", "bob").as_dict(),
            ev.Turn(3 * S, 4 * S, "user", "be quiet", 1, "side_speech", "bob").as_dict(),
        ]
    )
    assert told["speakers"] == {
        "ann": {"seconds": 2.0, "words": 4, "turns": 1},
        "bob": {"seconds": 1.0, "words": 2, "turns": 1},
    }
    assert told["turns"][0]["speaker"] == "ann" and told["counts"]["side_speech"] == 1


def test_the_stalls_of_the_loop_and_what_the_recorder_dropped():
    ended = {**ev.SessionEnded(S, S, {}).as_dict(), "loop": {"longest": 0.012, "p99": 0.003}}
    gap = {"type": "recording_gap", "start": 0, "end": S, "track": "input.wav"}
    summary = summarize([gap, ended])
    assert summary["loop"] == {"longest": 0.012, "p99": 0.003}
    assert summary["recording_gaps"] == [{"start": 0.0, "end": 1.0, "track": "input.wav"}]
    assert summarize([])["loop"] is None


def test_a_turn_cut_at_its_limit_counts_from_its_last_word():
    events = [
        ev.Turn(0, 30 * S, "user", "on and on", 1),
        ev.Decision(0, 30 * S + S // 10, "turn_limit", "the turn has lasted 30 s", 1, 1),
    ]
    (turn,) = summarize([event.as_dict() for event in events])["turns"]
    assert (turn["decision"], turn["latency_ms"]["decision"]) == ("turn_limit", 100.0)


def test_quantiles_are_nearest_ranks():
    events = []
    for number in range(1, 21):
        start = number * 10 * S
        events.append(ev.Turn(start, start + S, "user", "hello", number))
        events.append(ev.Decision(start + S, start + S + number * 160, "endpoint", "", number, number))
    spread = summarize([event.as_dict() for event in events])["latency_ms"]["decision"]
    assert spread == {"count": 20, "p50": 100.0, "p95": 190.0, "max": 200.0}


def test_nothing_happened():
    summary = summarize([])
    assert summary["turns"] == []
    assert summary["latency_ms"]["total"] == {"count": 0, "p50": None, "p95": None, "max": None}
    assert summary["complete"] is False


def test_it_is_plain_json(summary):
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_sounds_count_once_and_whole():
    told = [
        ev.SessionStarted(0, 0, ("user",), "", {}),
        ev.SoundHeard(S, round(1.4 * S), "user", "dog", 0.7, 1, False),
        ev.SoundHeard(S, 3 * S, "user", "dog", 0.9, 1, True),
        ev.SoundHeard(5 * S, 6 * S, "user", "dog", 0.8, 2, True),
        ev.SoundHeard(5 * S, round(5.4 * S), "user", "rain", 0.6, 3, False),  # the log breaks off
    ]
    assert summarize([event.as_dict() for event in told])["sounds"] == {
        "dog": {"count": 2, "seconds": 3.0, "first": 1.0},
        "rain": {"count": 1, "seconds": 0.4, "first": 5.0},
    }
    assert summarize([])["sounds"] == {}
    assert summarize([{"type": "sound"}])["sounds"] == {"": {"count": 1, "seconds": 0.0, "first": 0.0}}
