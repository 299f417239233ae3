"""The log reader keeps apart what was said by different people, or in different turns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex import events as ev
from duplex.serving.rooms.handover import ResumeState
from duplex.session_record.rttm import to_rttm
from duplex.session_record.session_log import SessionLog, parse_events, read_log
from duplex.session_record.subtitles import SpeakerTurn, TimedWord, to_srt, to_txt, to_vtt
from duplex.session_record.summary import summarize_log
from duplex.session_record.word_owners import FreeWords
from duplex.streaming.errors import InputError

S = 16_000


def read(*events: ev.Event) -> SessionLog:
    return parse_events([event.as_dict() for event in events])


BOOKING = ev.Turn(1 * S, 2 * S, "user", "please book the table for two", 1, "turn", "ann")
ASIDE = ev.Turn(3 * S, 4 * S, "user", "no dad i am on the phone", 1, "side_speech", "bob")


def test_side_speech_leaves_the_users_turn_alone() -> None:
    log = read(BOOKING, ASIDE)
    assert [(turn.kind, turn.text, turn.speaker) for turn in log.turns] == [
        ("turn", BOOKING.text, "ann"),
        ("side_speech", ASIDE.text, "bob"),
    ]
    captions = log.captions()
    assert to_txt(captions) == (
        "[00:00:01] ann: please book the table for two\n[00:00:03] bob: no dad i am on the phone\n"
    )
    assert "ann: please book" in to_srt(captions) and "bob: no dad" in to_srt(captions)
    assert "<v ann>" in to_vtt(captions) and "<v bob>" in to_vtt(captions)
    assert [turn["text"] for turn in summarize_log(log)["turns"]] == [BOOKING.text]
    assert [said["speaker"] for said in summarize_log(log)["side_speech"]] == ["bob"]


def test_the_assistant_does_not_remember_a_strangers_words_as_the_users() -> None:
    past = ResumeState([event.as_dict() for event in (BOOKING, ASIDE)], 5 * S)
    assert [(heard.party, heard.text) for heard in past.heard()] == [("user", BOOKING.text)]


def test_a_log_of_version_1_calls_side_speech_overheard() -> None:
    old = {**ASIDE.as_dict(), "kind": "overheard"}
    log = parse_events([BOOKING.as_dict(), old])
    assert log.version == 1 and [turn.side_speech for turn in log.turns] == [False, True]


def test_a_new_log_names_its_version() -> None:
    started = ev.SessionStarted(0, 0, ("user",), "", {}).as_dict()
    assert started["version"] == ev.LOG_VERSION == parse_events([started]).version


@pytest.mark.parametrize("version", [ev.LOG_VERSION + 1, 99, "next"])
def test_a_newer_log_is_refused_in_one_line(tmp_path: Path, version: object) -> None:
    started = {**ev.SessionStarted(0, 0, ("user",), "", {}).as_dict(), "version": version}
    (tmp_path / "events.jsonl").write_text(json.dumps(started) + "\n")
    with pytest.raises(InputError, match=rf"events\.jsonl: the event log has version {version}") as caught:
        read_log(tmp_path / "events.jsonl")
    assert "\n" not in str(caught.value)


def test_line_breaks_of_unicode_do_not_break_a_line_of_the_log(tmp_path: Path) -> None:
    text = "one\u2028two\x85three\x1cfour\u2029five"
    lines = [json.dumps(ev.Turn(0, S, "user", text, n).as_dict(), ensure_ascii=False) for n in (1, 2)]
    (tmp_path / "events.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    assert [turn.text for turn in read_log(tmp_path / "events.jsonl").turns] == [text, text]


def test_a_log_that_ends_in_zeros_is_read(tmp_path: Path) -> None:
    line = json.dumps(BOOKING.as_dict()).encode()
    (tmp_path / "events.jsonl").write_bytes(line + b"\n" + b"\0" * 700)
    assert len(read_log(tmp_path / "events.jsonl").turns) == 1


def test_a_turn_that_goes_on_replaces_itself_and_nothing_else() -> None:
    log = read(
        ev.Turn(S, 2 * S, "user", "what time", 1),
        ev.Turn(S, 2 * S, "guest", "hello", 1),
        ev.Turn(2 * S, 2 * S + 100, "user", "mhm", 1, "backchannel"),
        ev.Turn(2 * S, 2 * S + 100, "user", "quiet", 1, "side_speech", "bob"),
        ev.Turn(2 * S, 2 * S + 100, "user", "quiet", 1, "side_speech", "eve"),
        ev.Turn(S, 4 * S, "user", "what time is it", 1),
    )
    assert sorted((turn.party, turn.kind, turn.text, turn.speaker) for turn in log.turns) == [
        ("guest", "turn", "hello", ""),
        ("user", "backchannel", "mhm", ""),
        ("user", "side_speech", "quiet", "bob"),
        ("user", "side_speech", "quiet", "eve"),
        ("user", "turn", "what time is it", ""),
    ]


def test_words_said_aside_in_the_middle_of_a_turn_are_not_the_turns() -> None:
    words = [("what", 1.0, "ann"), ("no", 2.0, "bob"), ("time", 3.0, "ann")]
    log = read(
        *(ev.Word(round(at * S), round((at + 0.5) * S), "user", text, 1.0, who) for text, at, who in words),
        ev.Turn(2 * S, round(2.5 * S), "user", "no", 0, "side_speech", "bob"),
        ev.Turn(1 * S, round(3.5 * S), "user", "what time", 1, "turn", "ann"),
    )
    assert {turn.text: [word.text for word in turn.words] for turn in log.turns} == {
        "what time": ["what", "time"],
        "no": ["no"],
    }


def test_a_turn_of_two_speakers_is_cut_where_the_speaker_changes() -> None:
    said = [("hello", "ann"), ("there", "ann"), ("and", "bob"), ("me", "")]
    words = [ev.Word(n * S, n * S + S // 2, "user", text, 1.0, who) for n, (text, who) in enumerate(said)]
    log = read(*words, ev.Turn(0, 4 * S, "user", "hello there and me", 1, "turn", "bob"))
    assert [(c.party, c.text, c.start, c.end) for c in log.captions()] == [
        ("ann", "hello there", 0.0, 1.5),
        ("bob", "and me", 2.0, 4.0),
    ]


def test_a_turn_without_a_speaker_has_the_one_of_its_words() -> None:
    log = read(ev.Word(0, S, "user", "hi", 1.0, "ann"), ev.Turn(0, S, "user", "hi", 1))
    assert log.turns[0].speaker == "ann"


def test_words_that_were_final_before_the_diarizer_reached_them_are_named_by_its_turns() -> None:
    log = read(
        ev.Word(S, 2 * S, "user", "good", 1.0),
        ev.Word(2 * S, 3 * S, "user", "bye", 1.0),
        ev.Turn(S, 3 * S, "user", "good bye", 1),
        ev.SpeakerTurn(0, round(1.4 * S), "user", "bob"),
        ev.SpeakerTurn(round(1.4 * S), 3 * S, "user", "ann"),
    )
    assert [word.speaker for word in log.words["user"]] == ["ann", "ann"]
    assert log.turns[0].speaker == "ann"


def test_diarized_turns_are_the_speaker_turns() -> None:
    log = read(ev.SpeakerTurn(S, 2 * S, "user", "ann"), ev.SpeakerTurn(3 * S, 4 * S, "user", "bob"))
    assert log.speaker_turns() == [SpeakerTurn(1.0, 2.0, "ann"), SpeakerTurn(3.0, 4.0, "bob")]


def test_what_the_diarizer_left_out_has_the_speaker_of_its_turn() -> None:
    """It broke at 2 s: the rest of the first turn, and all of the second, come from voice activity."""
    log = read(
        ev.SpeakerTurn(S, 2 * S, "user", "ann"),
        ev.Speech(S, 5 * S, "user"),
        ev.Turn(S, 5 * S, "user", "a long story", 1, "turn", "ann"),
        ev.Speech(7 * S, 8 * S, "user"),
        ev.Turn(7 * S, 8 * S, "user", "no", 1, "side_speech", "bob"),
        ev.Turn(9 * S, 9 * S + 3200, "user", "mhm", 1, "backchannel"),
    )
    spoken = [line.split() for line in to_rttm(log.speaker_turns()).splitlines()]
    assert [(fields[7], fields[3], fields[4]) for fields in spoken] == [
        ("ann", "1.000", "4.000"),
        ("bob", "7.000", "1.000"),
        ("user", "9.000", "0.200"),
    ]


def test_one_voice_without_a_name_is_the_party() -> None:
    log = read(ev.SpeakerTurn(0, S, "user", "speaker 1"), ev.Turn(0, S, "user", "hi", 1, "turn", "speaker 1"))
    assert [caption.party for caption in log.captions()] == ["user"] == [t.party for t in log.speaker_turns()]
    two = read(ev.SpeakerTurn(0, S, "user", "speaker 1"), ev.SpeakerTurn(S, 2 * S, "user", "speaker 2"))
    assert [turn.party for turn in two.speaker_turns()] == ["speaker 1", "speaker 2"]


def test_names_stay_apart_whoever_has_them() -> None:
    log = read(
        ev.SessionStarted(0, 0, ("left", "assistant", "bob"), "", {}),
        *(ev.Turn(n * S, (n + 1) * S, p, "hi", n, "turn", s) for n, (p, s) in enumerate(PEOPLE)),
        ev.Turn(50 * S, 51 * S, "left", "hi", 9, "side_speech"),
        ev.Reply(60 * S, 61 * S, 1, 1, "hello", "hello", False, 59 * S, 59 * S, 60 * S),
    )
    names = [caption.party for caption in log.captions()]
    assert len(set(names)) == len(PEOPLE) + 2
    assert names[-2:] == ["side speech", "assistant"]
    assert len({line.split()[7] for line in to_rttm(log.speaker_turns()).splitlines()}) == len(names)


PEOPLE = [
    ("left", "ann"), ("left", "bob"), ("left", "assistant"), ("left", ""), ("bob", "ann"), ("bob", ""),
    ("assistant", ""), ("assistant", "ann"), ("bob", "a_b"), ("bob", "a b"),
]  # fmt: skip

KINDS = ("turn", "backchannel", "side_speech")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "guest"]),
            st.sampled_from(KINDS),
            st.sampled_from(["", "ann", "bob", "speaker 1"]),
            st.booleans(),
            st.integers(1, 4),
        ),
        max_size=25,
    )
)
def test_whatever_is_said_by_whom_in_whatever_turn_nothing_is_lost_and_nothing_merged(script) -> None:
    """Each turn has its place in time and its words. A third of the turns of kind "turn" go on later."""
    events: list[ev.Event] = []
    number, expected = 0, []
    for place, (party, kind, speaker, goes_on, count) in enumerate(script):
        start, end = place * S, place * S + S // 2
        number += kind == "turn"
        texts = [f"w{place}x{n}" for n in range(count)]
        step = (end - start) // count
        for n, text in enumerate(texts):
            events.append(ev.Word(start + n * step, start + (n + 1) * step, party, text, 1.0, speaker))
        if kind == "turn" and goes_on:
            events.append(ev.Turn(start, start + step, party, texts[0], number, kind, speaker))
        events.append(ev.Turn(start, end, party, " ".join(texts), number, kind, speaker))
        expected.append((kind, party, speaker, " ".join(texts), start / S, end / S))
    log = read(*events)
    assert [(t.kind, t.party, t.speaker, t.text, t.start, t.end) for t in log.turns] == expected
    assert all(" ".join(word.text for word in turn.words) == turn.text for turn in log.turns)
    captions = log.captions()
    assert [(c.text, c.start, c.end) for c in captions] == [e[3:] for e in expected]
    for text in (to_txt(captions), to_srt(captions), to_vtt(captions)):
        assert all(word in text.split() or f"{word}</v>" in text for e in expected for word in e[3].split()[1:])
    assert len({caption.party for caption in captions}) == sum(map(len, voices(expected).values()))
    heard = ResumeState([event.as_dict() for event in events]).heard()
    assert [(h.party, h.text) for h in heard] == [(e[1], e[3]) for e in expected if e[0] != "side_speech"]


def voices(said) -> dict[str, set[str]]:
    """Of each party the speakers that a reader must be able to tell apart. A lone one without a name is the party."""
    found: dict[str, set[str]] = {}
    for kind, party, speaker, *_ in said:
        found.setdefault(party, set()).add(speaker or ("side speech" if kind == "side_speech" else ""))
    for party, speakers in found.items():
        aside = any(kind == "side_speech" and other == party for kind, other, *_ in said)
        if speakers == {"", "speaker 1"} and not aside:
            speakers.discard("")
    return found


def test_an_hours_words_are_given_to_their_turns_in_linear_time() -> None:
    """Counted in comparisons, not in seconds: each word is looked at a bounded number of times."""
    looked = 0

    class Counting(float):
        def __le__(self, other: float) -> bool:
            nonlocal looked
            looked += 1
            return float.__le__(self, other)

    words = FreeWords([TimedWord(str(n), n, n + 1) for n in range(10_000)])
    words._middles = [Counting(middle) for middle in words._middles]
    for n in range(1000):
        assert len(words.take(n * 10, n * 10 + 10)) == 10
        assert words.take(0, n * 10 + 10) == ()  # an overlapping turn finds them taken, without going through them
    assert looked < 15_000
