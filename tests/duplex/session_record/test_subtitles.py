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

from duplex.session_record.subtitles import (
    LINE,
    LINES,
    LONGEST,
    Caption,
    SpeakerTurn,
    TimedWord,
    to_rttm,
    to_srt,
    to_txt,
    to_vtt,
)

CAPTIONS = [
    Caption(1.0, 2.5, "user", "What time is it in Tokyo?"),
    Caption(3.1, 7.6, "assistant", "In Tokyo it is eight o'clock in the evening, on Thursday the first of January."),
    Caption(3725.25, 3726.0, "user", "Ünïcode, 日本語 & <tags> --> arrows {curly}"),
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
    assert [cues[0], cues[-1][:2]] == [(1.0, 2.5, "user: What time is it in Tokyo?"), (3725.25, 3726.0)]
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
        assert cues[-1].end == "01:02:06.000"
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
