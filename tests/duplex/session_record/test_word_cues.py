"""Subtitles that follow the words."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import av
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.session_record.subtitles import Caption, TimedWord, to_srt, to_vtt

SAID = Caption(
    1.0,
    3.0,
    "ann",
    "Fish & chips, please",
    (
        TimedWord("Fish", 1.0, 1.4),
        TimedWord("&", 1.4, 1.5),
        TimedWord("chips,", 1.5, 2.0),
        TimedWord("please", 2.2, 3.0),
    ),
)
STAMP = re.compile(r"<(\d\d):(\d\d):(\d\d)\.(\d\d\d)>")
TEXTS = st.lists(st.text(st.characters(categories=["Lu", "Ll", "Nd", "Po"]), min_size=1, max_size=12), max_size=40)


def caption(texts: list[str], start: float, length: float) -> Caption:
    each = length / max(1, len(texts))
    words = tuple(TimedWord(text, start + at * each, start + (at + 1) * each) for at, text in enumerate(texts))
    return Caption(start, start + length, "ann", " ".join(texts), words)


def milliseconds(stamp: tuple[str, str, str, str]) -> int:
    hours, minutes, seconds, rest = map(int, stamp)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def test_webvtt_has_a_mark_before_each_word_but_the_first() -> None:
    text = to_vtt([SAID], "karaoke")
    assert "<v ann>Fish <00:00:01.400>&amp; <00:00:01.500>chips, <00:00:02.200>please</v>" in text


def test_subrip_underlines_the_word_of_the_moment() -> None:
    cues = to_srt([SAID], "karaoke").split("\n\n")
    assert cues[0] == "1\n00:00:01,000 --> 00:00:01,400\nann: <u>Fish</u> & chips, please"
    assert cues[3].rstrip() == "4\n00:00:02,200 --> 00:00:03,000\nann: Fish & chips, <u>please</u>"
    assert len(cues) == 4


def test_a_cue_for_each_word() -> None:
    assert to_srt([SAID], "each").split("\n\n")[2] == "3\n00:00:01,500 --> 00:00:02,000\nchips,"
    cues = to_vtt([SAID], "each").split("\n\n")[1:]
    assert cues[1].strip() == "00:00:01.400 --> 00:00:01.500\n<v ann>&amp;</v>"


def test_without_a_style_nothing_changes() -> None:
    assert "<0" not in to_vtt([SAID]) and "<u>" not in to_srt([SAID])
    assert to_vtt([SAID], "") == to_vtt([SAID])


@given(st.lists(st.builds(caption, TEXTS, st.floats(0, 100), st.floats(0, 20)), max_size=4))
@settings(max_examples=40, deadline=None)
def test_marks_are_in_order_within_their_cue_and_take_nothing_from_the_text(captions: list[Caption]) -> None:
    plain, marked = to_vtt(captions), to_vtt(captions, "karaoke")
    assert STAMP.sub("", marked) == plain
    for block in marked.split("\n\n"):
        begin, end = [milliseconds(each) for each in re.findall(r"(\d\d):(\d\d):(\d\d)\.(\d\d\d)", block)[:2]] or (0, 0)
        stamps = [begin, *(milliseconds(each) for each in STAMP.findall(block)), end]
        assert all(a < b for a, b in pairwise(stamps)) or stamps == [0, 0]


@given(st.lists(st.builds(caption, TEXTS, st.floats(0, 100), st.floats(0.5, 20)), max_size=4))
@settings(max_examples=40, deadline=None)
def test_underlining_keeps_the_times_and_the_text(captions: list[Caption]) -> None:
    def shown(text: str) -> set[tuple[str, ...]]:
        return {tuple(block.splitlines()[2:]) for block in text.split("\n\n") if block.strip()}

    def span(text: str) -> list[str]:
        return re.findall(r"\d\d:\d\d:\d\d,\d\d\d", text)

    plain, marked = to_srt(captions), to_srt(captions, "karaoke")
    assert shown(re.sub("</?u>", "", marked)) == shown(plain)
    assert set(span(plain)) <= set(span(marked))


@pytest.mark.parametrize("style", ["karaoke", "each"])
def test_other_programs_read_them(style: str) -> None:
    assert len(webvtt.from_string(to_vtt([SAID], style))) == (1 if style == "karaoke" else 4)
    with av.open(io.BytesIO(to_srt([SAID], style).encode()), format="srt") as container:
        assert sum(bool(packet.size) for packet in container.demux(container.streams.subtitles[0])) == 4
