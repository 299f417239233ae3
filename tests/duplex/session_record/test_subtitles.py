from __future__ import annotations

import html
import io
import itertools
import re
from dataclasses import replace

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.session_record.cue_times import FLASH, SHORTEST
from duplex.session_record.rttm import to_rttm, written_names
from duplex.session_record.subtitles import (
    LINE,
    LINES,
    LONGEST,
    Caption,
    SpeakerTurn,
    TimedWord,
    to_srt,
    to_txt,
    to_vtt,
)

CAPTIONS = [
    Caption(1.0, 2.5, "user", "What time is it in Tokyo?"),
    Caption(3.1, 7.6, "assistant", "In Tokyo it is eight o'clock in the evening, on Thursday the first of January."),
    Caption(3725.25, 3727.0, "user", "Ünïcode, 日本語 & <tags> --> arrows {curly}"),
]

TIMES = st.floats(-5, 20_000, allow_nan=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
ANY_CAPTIONS = st.lists(st.builds(Caption, TIMES, TIMES, st.text(max_size=12), TEXTS), max_size=6)


def ffmpeg_cues(text: str, name: str) -> list[tuple[float, float, str]]:
    """Cues as FFmpeg's demuxer, which knows nothing of ours, reads them."""
    file = io.BytesIO(text.encode())
    with av.open(file, format=name) as container:
        stream = container.streams.subtitles[0]
        return [
            (float(p.pts * p.time_base), float((p.pts + p.duration) * p.time_base), bytes(p).decode())
            for p in container.demux(stream)
            if p.size
        ]


def spoken(cue: str) -> str:
    """The words of a WebVTT cue: tags off, entities read as HTML reads them."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", cue)).split())


def test_srt_is_what_players_expect():
    assert to_srt(CAPTIONS[:1]) == "1\n00:00:01,000 --> 00:00:02,500\nuser: What time is it in Tokyo?\n"


def test_vtt_is_what_browsers_expect():
    assert to_vtt(CAPTIONS[:1]) == ("WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v user>What time is it in Tokyo?</v>\n")


def test_txt_has_a_line_for_each():
    assert to_txt(CAPTIONS).splitlines() == [
        "[00:00:01] user: What time is it in Tokyo?",
        "[00:00:03] assistant: In Tokyo it is eight o'clock in the evening, on Thursday the first of January.",
        "[01:02:05] user: Ünïcode, 日本語 & <tags> --> arrows {curly}",
    ]


def test_nothing_said_is_still_a_valid_file():
    assert to_srt([]) == ""
    assert to_vtt([]) == "WEBVTT\n"
    assert to_txt([]) == to_rttm([]) == ""
    assert to_srt([Caption(0, 1, "user", "  \n ")]) == ""


def test_srt_round_trip_through_ffmpeg():
    cues = ffmpeg_cues(to_srt(CAPTIONS), "srt")
    assert [cues[0], cues[-1][:2]] == [(1.0, 2.5, "user: What time is it in Tokyo?"), (3725.25, 3727.0)]
    assert " ".join(" ".join(text.split()) for *_, text in cues[1:3]).replace("assistant: ", "") == CAPTIONS[1].text
    assert " ".join(cues[-1][2].split()) == "user: Ünïcode, 日本語 & <tags> -> arrows {curly}"


def test_vtt_round_trip_through_ffmpeg():
    cues = ffmpeg_cues(to_vtt(CAPTIONS), "webvtt")
    assert cues[0] == (1.0, 2.5, "<v user>What time is it in Tokyo?</v>")
    assert " ".join(spoken(text) for *_, text in cues[1:-1]) == CAPTIONS[1].text
    assert spoken(cues[-1][2]) == CAPTIONS[2].text


def test_round_trip_through_webvtt_py():
    webvtt = pytest.importorskip("webvtt")
    for cues in (
        webvtt.from_string(to_vtt(CAPTIONS)),
        webvtt.from_buffer(io.StringIO(to_srt(CAPTIONS)), format="srt"),
    ):
        cues = list(cues)
        assert cues[0].start_in_seconds == 1
        assert cues[-1].start == "01:02:05.250"
        assert cues[-1].end == "01:02:07.000"
    vtt = list(webvtt.from_string(to_vtt(CAPTIONS)))
    assert [cue.voice for cue in vtt] == ["user", "assistant", "user"]


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(ANY_CAPTIONS)
def test_whatever_was_said_the_files_parse_and_hold_every_word(captions):
    # Each word numbered, for FFmpeg leaves out cues that are the same in text and time.
    captions = [
        replace(caption, text=" ".join(f"{number}{word}" for word in normal(caption.text).split()))
        for number, caption in enumerate(captions)
    ]
    said = [text for text in (normal(caption.text) for caption in captions) if text]
    for name, text in (("srt", to_srt(captions)), ("webvtt", to_vtt(captions))):
        cues = ffmpeg_cues(text, name) if said else []
        starts = [start for start, *_ in cues]
        assert starts == sorted(starts)
        assert all(0 <= start < end <= start + LONGEST + 1e-6 for start, end, _ in cues)
        assert all(end - start >= FLASH / 1000 - 1e-6 for start, end, _ in cues)
        assert len(cues) >= len(said)
    vtt = "".join(spoken(cue) for *_, cue in ffmpeg_cues(to_vtt(captions), "webvtt")) if said else ""
    assert sorted("".join(vtt.split())) == sorted("".join("".join(said).split()))


def normal(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("abcdefgh.?-日"), min_size=1, max_size=60), min_size=1, max_size=80), TIMES)
def test_long_captions_are_cut_and_wrapped(words, start):
    """Two lines of 42 characters, 7 seconds; every word once, in order."""
    caption = Caption(max(0.0, start), max(0.0, start) + 0.4 * len(words), "assistant", " ".join(words))
    blocks = [block.splitlines() for block in to_srt([caption]).split("\n\n")]
    assert [block[0] for block in blocks] == [str(number) for number in range(1, len(blocks) + 1)]
    for block in blocks:
        assert 1 <= len(block) - 2 <= LINES
        assert all(0 < len(line) <= LINE for line in block[2:])
    heard = "".join("".join(block[2:]).replace("assistant:", "") for block in blocks)
    assert "".join(heard.split()) == "".join(words).replace("-->", "->")


def test_cuts_lie_where_the_words_were_heard():
    words = [f"word{number}" for number in range(18)]
    times = [0.3 * n if n < 9 else 60.0 + 0.3 * n for n in range(len(words))]
    timed = tuple(TimedWord(word, at, at + 0.25) for word, at in zip(words, times, strict=True))
    caption = Caption(0.0, 70.0, "assistant", " ".join(words), timed)
    cues = ffmpeg_cues(to_srt([caption]), "srt")
    assert len(cues) == 2
    assert cues[0][:2] == (0.0, pytest.approx(times[8] + 0.25))
    assert cues[1][:2] == (pytest.approx(times[9]), pytest.approx(times[-1] + 0.25))


def test_no_cue_is_a_lone_last_word():
    for count in range(10, 60):
        caption = Caption(0, 6, "user", " ".join(["word"] * count))
        lengths = [len(spoken(text).split()) for *_, text in ffmpeg_cues(to_vtt([caption]), "webvtt")]
        assert max(lengths) - min(lengths) <= len(lengths), lengths


def test_a_name_cannot_break_out_of_its_tag():
    text = to_vtt([Caption(0, 1, "a>b\n\n<c> & d", "hello")])
    assert "<v a&gt;b &lt;c&gt; &amp; d>hello</v>" in text
    assert len(ffmpeg_cues(text, "webvtt")) == 1


def rttm_lines(text: str) -> list[tuple[str, float, float, str]]:
    """By the fields of the evaluation plan."""
    rows = [line.split(" ") for line in text.splitlines()]
    assert all(row[0] == "SPEAKER" and row[2] == "1" and len(row) == 10 for row in rows)
    assert all(row[5] == row[6] == row[8] == row[9] == "<NA>" for row in rows)
    return [(row[1], float(row[3]), float(row[4]), row[7]) for row in rows]


PARTIES = st.sampled_from(["ann", "bob", "assistant"])


def test_a_word_without_length_stands_long_enough_to_be_seen():
    at_once = tuple(TimedWord(text, 2.0, 2.0) for text in ("yes", "please"))
    assert "00:00:02,000 --> 00:00:02,700" in to_srt([Caption(2.0, 2.0, "ann", "yes please", at_once)])
    assert "00:00:02.000 --> 00:00:02.700" in to_vtt([Caption(2.0, 1.0, "ann", "yes please")])


def test_what_was_said_too_fast_to_be_read_stays_longer():
    cue = Caption(1.0, 1.8, "ann", "a" * 20 + " " + "b" * 20 + " " + "c" * 17)
    assert "00:00:01,000 --> 00:00:03,000" in to_srt([cue])
    assert "00:00:01,000 --> 00:00:02,200" in to_srt([cue, Caption(2.2, 3.0, "bob", "and what was that")])


def test_a_short_cue_delays_the_next_a_little_and_is_not_covered_by_it():
    said = [Caption(1.0, 1.1, "ann", "no"), Caption(1.3, 2.5, "bob", "yes"), Caption(9.0, 9.1, "ann", "no")]
    assert [cue[:2] for cue in ffmpeg_cues(to_srt(said), "srt")] == [(1.0, 1.7), (1.7, 2.5), (9.0, 9.7)]


def test_those_who_speak_at_once_are_read_at_once():
    said = [Caption(1.0, 6.0, "assistant", "a long answer"), Caption(3.0, 3.2, "ann", "mhm")]
    assert [cue[:2] for cue in ffmpeg_cues(to_srt(said), "srt")] == [(1.0, 6.0), (3.0, 3.7)]


@settings(deadline=None)
@given(st.lists(st.tuples(PARTIES, st.integers(0, 3000), st.integers(0, 4000), st.integers(1, 30)), max_size=20))
def test_cues_of_one_after_another_last_and_do_not_overlap(script):
    """gap, length: milliseconds. Speech that overlaps nothing gives cues that overlap nothing, each at its time or half
    a second later at most, however close they come, and long enough to be seen where there is room."""
    captions, at = [], 0
    for party, gap, length, letters in script:
        at += gap
        captions.append(Caption(at / 1000, (at + length) / 1000, party, "x" * letters))
        at += length
    cues = [(round(1000 * start), round(1000 * end)) for start, end, _ in ffmpeg_numbered(captions)]
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(cues))
    assert all(end - start >= FLASH for start, end in cues)
    crowded = any(b.start - a.start < 0.7 for a, b in itertools.pairwise(captions))
    assert crowded or all(end - start >= SHORTEST for start, end in cues)


def ffmpeg_numbered(captions):
    """FFmpeg leaves out cues that are the same in text and time, so each is numbered."""
    numbered = [replace(caption, text=f"{number} {caption.text}") for number, caption in enumerate(captions)]
    return ffmpeg_cues(to_srt(numbered), "srt") if numbered else []


@settings(deadline=None)
@given(st.lists(st.builds(Caption, TIMES, TIMES, PARTIES, st.just("one two three")), max_size=12))
def test_cues_of_one_party_never_overlap(captions):
    for party in ("ann", "bob", "assistant"):
        own = ffmpeg_numbered([caption for caption in captions if caption.party == party])
        assert all(before[1] <= after[0] + 1e-6 for before, after in itertools.pairwise(own))


def test_names_that_would_be_written_alike_are_told_apart():
    names = ["a b", "a_b", "a\tb", "a  b", "", "unknown", '"q"', "'q'", "<NA>", "日本 語", "a\ud800", "مرحبا \u200frtl"]
    written = written_names(names)
    assert len(set(written.values())) == len(names)
    assert written["a_b"] == "a_b" and written["a b"] == "a_b-2" and written["unknown"] == "unknown"
    text = to_rttm([SpeakerTurn(n, n + 1, name) for n, name in enumerate(names)], "my\u3000talk\n1")
    rows = [line.split() for line in text.splitlines()]
    assert {len(row) for row in rows} == {10}
    assert {row[1] for row in rows} == {"my_talk_1"}
    assert [row[7] for row in rows] == [written[name] for name in names]
    text.encode("utf-8")


@given(st.lists(st.text(max_size=6)))
def test_whatever_the_names_are_they_are_one_field_each_and_differ(names):
    written = written_names(names)
    assert all(len(field.split()) == 1 and '"' not in field for field in written.values())
    assert len(set(written.values())) == len(set(names))


def test_rttm():
    turns = [SpeakerTurn(3.0, 4.25, "assistant"), SpeakerTurn(1.0, 2.5, "user"), SpeakerTurn(5, 5, "user")]
    assert to_rttm(turns, "my call") == (
        "SPEAKER my_call 1 1.000 1.500 <NA> <NA> user <NA> <NA>\n"
        "SPEAKER my_call 1 3.000 1.250 <NA> <NA> assistant <NA> <NA>\n"
    )


@settings(deadline=None)
@given(st.lists(st.builds(SpeakerTurn, TIMES, TIMES, st.sampled_from(["user", "the other one", "assistant"]))))
def test_rttm_covers_exactly_what_was_spoken(turns):
    rows = rttm_lines(to_rttm(turns))
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    for party in ("user", "the_other_one", "assistant"):
        own = [(start, start + length) for _, start, length, name in rows if name == party]
        assert all(length > 0 for _, _, length, _ in rows)
        assert all(before[1] < after[0] for before, after in itertools.pairwise(own))
        for turn in turns:
            if turn.party.replace(" ", "_") == party and max(0, turn.end) - max(0, turn.start) > 0.01:
                middle = (max(0, turn.start) + max(0, turn.end)) / 2
                assert any(start <= middle <= end for start, end in own)


def test_rttm_round_trip_through_pyannote(tmp_path):
    util = pytest.importorskip("pyannote.database.util")
    turns = [SpeakerTurn(0.5, 2.0, "user"), SpeakerTurn(1.5, 3.25, "assistant"), SpeakerTurn(4.0, 5.0, "user")]
    (tmp_path / "turns.rttm").write_text(to_rttm(turns, "call"))
    annotation = util.load_rttm(str(tmp_path / "turns.rttm"))["call"]
    assert {(s.start, s.end, label) for s, _, label in annotation.itertracks(yield_label=True)} == {
        (0.5, 2.0, "user"),
        (1.5, 3.25, "assistant"),
        (4.0, 5.0, "user"),
    }


def test_two_languages_share_their_cues():
    long = " ".join(f"wort{n}" for n in range(24))
    under = " ".join(f"word{n}" for n in range(24))
    srt = to_srt([Caption(0.0, 12.0, "", long, under=under), Caption(13, 14, "ann", "Hallo.", under="Hello.")])
    cues = [cue.split("\n")[2:] for cue in srt.strip().split("\n\n")]
    assert cues[-1] == ["ann: Hallo.", "Hello."]
    for cue in cues[:-1]:
        lines = [line.split() for line in cue]
        above = [word for line in lines for word in line if word.startswith("wort")]
        below = [word for line in lines for word in line if word.startswith("word")]
        assert abs(len(above) - len(below)) <= 1 and all(len(line) <= 42 for line in cue)
    assert [w for cue in cues[:-1] for line in cue for w in line.split() if w.startswith("word")] == under.split()
    text = to_txt([Caption(13, 14, "ann", "Hallo.", under="Hello.")])
    assert text == "[00:00:13] ann: Hallo.\n           Hello.\n"
