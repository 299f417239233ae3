from __future__ import annotations

import json

import pytest

from duplex import events as ev
from duplex.session_record.session_log import Span, parse_events, read_log
from duplex.session_record.subtitles import SpeakerTurn, TimedWord, to_srt
from duplex.streaming.errors import InputError

S = 16_000


def conversation() -> list[ev.Event]:
    """One question, an answer that is held once and then interrupted, a backchannel, a withdrawn reply."""
    return [
        ev.SessionStarted(0, 0, ("user",), "2026-01-01T10:00:00+00:00", {}),
        ev.Speech(1 * S, 2 * S, "user"),
        ev.Word(1 * S, 3 * S // 2, "user", "what", 0.9),
        ev.Word(3 * S // 2, 2 * S, "user", "time", 0.9),
        ev.Decision(2 * S, 5 * S // 2, "endpoint", "words look finished", 1, 1),
        ev.Turn(1 * S, 2 * S, "user", "what time", 1),
        ev.ReplyStarted(3 * S, 3 * S, 1, 1),
        ev.SpokenWord(3 * S, 4 * S, 1, "It"),
        ev.Speech(5 * S, 5 * S + S // 2, "user"),
        ev.Decision(5 * S, 5 * S + 800, "suspend", "", 1, 1),
        ev.Suspended(5 * S, 5 * S + 1000, 1, 5 * S + 800),
        ev.Decision(5 * S, 6 * S, "backchannel", "mhm", 1, 1),
        ev.Turn(5 * S, 5 * S + S // 2, "user", "mhm", 1, "backchannel"),
        ev.Resumed(6 * S, 6 * S, 1, 2 * S + 1000),
        ev.SpokenWord(6 * S, 7 * S, 1, "is"),
        ev.Speech(7 * S, 9 * S, "user"),
        ev.Decision(7 * S, 7 * S + 3200, "barge_in", "words", 1, 1),
        ev.Interrupted(7 * S, 7 * S + 3300, 1, 7 * S + 3200, "It is"),
        ev.Reply(3 * S, 7 * S + 3300, 1, 1, "It is", "It is ten o'clock", True, 5 * S // 2, 11 * S // 4, 3 * S),
        ev.Decision(9 * S, 10 * S, "endpoint", "", 2, 2),
        ev.Turn(7 * S, 9 * S, "user", "stop it", 2),
        ev.Decision(10 * S, 10 * S + 100, "withdraw", "", 2, 2),
        ev.Speech(10 * S, 11 * S, "user"),
        ev.Decision(11 * S, 12 * S, "endpoint", "", 2, 3),
        ev.Turn(7 * S, 11 * S, "user", "stop it please", 2),
        ev.CapabilityLost(12 * S, 12 * S, "answering", "the server is gone"),
        ev.SessionEnded(13 * S, 13 * S, {"input": {"passed": 650, "dropped": 3, "peak": 2, "lag": 0}}),
    ]


@pytest.fixture
def log():
    return parse_events([event.as_dict() for event in conversation()])


def test_header_and_footer(log):
    assert (log.parties, log.duration, log.wall_time, log.ended) == (["user"], 13.0, "2026-01-01T10:00:00+00:00", True)
    assert log.queues["input"]["dropped"] == 3
    assert log.lost == [{"at": 12.0, "capability": "answering", "reason": "the server is gone"}]


def test_a_turn_that_went_on_is_there_once_and_whole_and_a_backchannel_hides_none(log):
    assert [(turn.number, turn.text, turn.backchannel) for turn in log.turns] == [
        (1, "what time", False),
        (1, "mhm", True),
        (2, "stop it please", False),
    ]
    assert log.turns[0].words == (TimedWord("what", 1.0, 1.5), TimedWord("time", 1.5, 2.0))


def test_a_reply_is_audible_but_for_the_pause_in_which_it_was_held(log):
    (reply,) = log.replies
    assert reply.parts == (Span(3.0, 5.0625), Span(6.0, 7.20625))
    assert (reply.text, reply.full_text, reply.interrupted) == ("It is", "It is ten o'clock", True)
    assert [word.text for word in reply.words] == ["It", "is"]
    assert log.suspensions == [Span(5.0625, 6.0)]
    assert log.interruptions[0].onset == 7.0


def test_captions_and_speaker_turns(log):
    assert [(caption.party, caption.text) for caption in log.captions()] == [
        ("user", "what time"),
        ("assistant", "It is"),
        ("user", "mhm"),
        ("user", "stop it please"),
    ]
    assert log.speaker_turns() == [
        SpeakerTurn(1.0, 2.0, "user"),
        SpeakerTurn(3.0, 5.0625, "assistant"),
        SpeakerTurn(5.0, 5.5, "user"),
        SpeakerTurn(6.0, 7.20625, "assistant"),
        SpeakerTurn(7.0, 9.0, "user"),
        SpeakerTurn(10.0, 11.0, "user"),
    ]


def test_activity_that_is_in_no_turn_is_nobody_speaking():
    log = parse_events([ev.Speech(0, S, "user").as_dict(), ev.Turn(2 * S, 3 * S, "user", "hi", 1).as_dict()])
    assert log.speaker_turns() == [SpeakerTurn(2.0, 3.0, "user")]


def test_a_log_that_breaks_off_reads_up_to_there(tmp_path):
    lines = [json.dumps(event.as_dict()) for event in conversation()[:9]]
    (tmp_path / "events.jsonl").write_text("\n".join(lines) + '\n{"type": "sus')
    log = read_log(tmp_path / "events.jsonl")
    assert not log.ended
    (reply,) = log.replies  # its own event never came: what is known of it are the words that were heard
    assert (reply.text, reply.start, reply.end, reply.interrupted) == ("It", 3.0, 4.0, True)


def test_what_is_unknown_is_passed_over():
    log = parse_events(
        [
            {"type": "thought", "start": 1, "end": 2},
            {"start": "x"},
            {"type": "turn", "text": "hi", "start": -5, "end": float("nan")},
            {"type": "speech", "party": "somebody", "start": 0, "end": S, "mood": "good"},
        ]
    )
    assert [(turn.party, turn.start, turn.end) for turn in log.turns] == [("user", 0.0, 0.0)]
    assert log.speech == {"somebody": [Span(0.0, 1.0)]}


def test_a_reply_that_was_never_audible_is_none():
    reply = ev.Reply(5 * S, 5 * S, 4, 2, "", "Never mind", True, 4 * S, 4 * S, 5 * S)
    assert parse_events([reply.as_dict()]).replies == []


def test_no_log_or_no_events_are_told(tmp_path):
    with pytest.raises(InputError, match=r"events\.jsonl: the event log cannot be read"):
        read_log(tmp_path / "events.jsonl")
    (tmp_path / "events.jsonl").write_text('no json\n{"type": "speech"}\n')
    with pytest.raises(InputError, match="line 1 is not an event"):
        read_log(tmp_path / "events.jsonl")
    (tmp_path / "events.jsonl").write_text("")
    assert read_log(tmp_path / "events.jsonl").turns == []


def test_an_announcement_in_the_middle_of_a_reply_cuts_it_in_two_everywhere() -> None:
    """Cues that follow one another, and no time that belongs to both."""
    second = 16_000
    words = [("one", 0, 1), ("two,", 1, 2), ("three", 4, 5), ("four.", 5, 6)]
    events: list[dict] = [
        {"type": "spoken_word", "start": a * second, "end": b * second, "epoch": 1, "text": text}
        for text, a, b in words
    ]
    events += [
        {"type": "spoken_word", "start": 2 * second, "end": 4 * second, "epoch": 2, "text": "ring"},
        {"type": "reply", "start": 2 * second, "end": 4 * second, "epoch": 2, "turn": 1, "text": "ring"},
        {"type": "reply", "start": 0, "end": 6 * second, "epoch": 1, "turn": 1, "text": "one two, three four."},
    ]
    log = parse_events(events)
    assert [(c.start, c.end, c.text) for c in log.captions()] == [
        (0.0, 2.0, "one two,"),
        (2.0, 4.0, "ring"),
        (4.0, 6.0, "three four."),
    ]
    assert [(turn.start, turn.end) for turn in log.speaker_turns()] == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]


def caption(
    number: int, text: str, *, final: bool = True, hopeless: bool = False, language: str = "de"
) -> ev.Translation:
    start = (1 + 2 * number) * S
    return ev.Translation(
        start, start + S, "user", number, language, text, f"words {number}", "en", 1, 0, 0, final, 0.5, hopeless, (0, 1)
    )


def test_translations_are_read_with_the_last_revision_of_one_that_never_ended() -> None:
    told = [
        caption(0, "Wör", final=False),
        caption(0, "Wörter 0"),
        caption(1, "Unsinn", hopeless=True),
        caption(0, "mots 0", language="fr"),
        caption(2, ""),
        caption(3, "Wörter", final=False),
    ]
    log = parse_events([*(event.as_dict() for event in [*conversation()[:1], *told])])
    assert log.languages == ["de", "fr"]
    assert [each.text for each in log.translated("de")] == ["Wörter 0", "[words 1]", "Wörter"]
    assert [each.under for each in log.translated("de", bilingual=True)] == ["words 0", "", "words 3"]
    assert [(each.start, each.end) for each in log.translated("fr")] == [(1.0, 2.0)]


def test_a_log_without_translations_has_none() -> None:
    log = parse_events(event.as_dict() for event in conversation())
    assert log.languages == [] and log.translated("de") == []


def test_a_typed_turn_is_marked_in_transcripts_and_is_nobodys_speech() -> None:
    spoken = {"type": "turn", "start": 16_000, "end": 32_000, "party": "ann", "text": "what is the", "turn": 1}
    written = {**spoken, "start": 30_000, "end": 30_000, "text": "time in Rome", "turn": 2, "typed": True}
    log = parse_events(
        [spoken, {"type": "word", "start": 16_000, "end": 31_000, "party": "ann", "text": "hm"}, written]
    )
    assert [caption.text for caption in log.captions()] == ["what is the", "[typed] time in Rome"]
    assert [(turn.start, turn.end) for turn in log.speaker_turns()] == [(1.0, 2.0)]
    assert [len(turn.words) for turn in log.turns] == [1, 0]
    assert "[typed] time in Rome" in to_srt(log.captions())


def test_what_was_decided_block_by_block_is_read_from_new_logs_and_missing_in_old_ones() -> None:
    events = [*conversation(), ev.Decided(12 * S, 12 * S + 1600, "respond", 0.8, "token", "", True)]
    log = parse_events([event.as_dict() for event in events])
    assert [tuple(each) for each in log.block_decisions] == [("respond", 0.8, "token", 12.0, 12.1, True)]
    assert parse_events([{"type": "decided", "score": "high"}]).block_decisions[0].score == 0.0
    assert parse_events([event.as_dict() for event in conversation()]).block_decisions == []
