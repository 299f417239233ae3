"""What each hears in a room."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duplex.serving.rooms.mixing import CUSHION, FULLEST, Mix, Source
from duplex.streaming.audio import FRAME

HOP = FRAME // 2
SILENCE = np.zeros(HOP, np.float32)


def level(value: float, count: int = FRAME) -> np.ndarray:
    return np.full(count, value, np.float32)


def run(mix: Mix, voices: dict[str, float], frames: int = 5, assistant: float = 0.0) -> dict[str, float]:
    """Levels that each hears at last."""
    tracks: dict[str, np.ndarray] = {}
    for _ in range(frames):
        for name, value in voices.items():
            mix.write(name, level(value))
        for _ in range(2):
            tracks = mix.read(level(assistant, HOP))
    return {name: round(float(track[-1]), 3) for name, track in tracks.items()}


def test_everybody_hears_the_others_and_the_assistant_but_not_themselves() -> None:
    mix = Mix()
    for name in ("ann", "bob", "cid"):
        mix.join(name)
    assert run(mix, {"ann": 0.1, "bob": 0.02, "cid": 0.003}, assistant=0.5) == {
        "ann": 0.523,
        "bob": 0.603,
        "cid": 0.62,
    }
    mix.leave("bob")
    assert run(mix, {"ann": 0.1, "cid": 0.003}) == {"ann": 0.003, "cid": 0.1}


def test_alone_one_hears_the_assistant_as_it_is() -> None:
    mix = Mix()
    mix.join("ann")
    mix.write("ann", level(0.5))
    said = level(0.25, HOP)
    assert mix.read(said)["ann"] is said


def test_many_loud_voices_do_not_break_the_sound() -> None:
    mix = Mix()
    for number in range(6):
        mix.join(f"{number}")
    assert all(0.9 < value <= 1.0 for value in run(mix, {f"{number}": 0.9 for number in range(6)}).values())


def test_a_source_bridges_jitter_and_does_not_pile_up() -> None:
    source = Source()
    source.write(level(0.1))
    assert source.read(HOP) is None  # the cushion first
    source.write(level(0.2))
    heard = [source.read(HOP) for _ in range(4)]
    assert [round(float(block[0]), 1) for block in heard if block is not None] == [0.1, 0.1, 0.2, 0.2]
    assert source.read(HOP) is None
    for _ in range(100):
        source.write(level(0.3))
    assert source.dropped > 0 and CUSHION <= source._length <= FULLEST


@given(st.lists(st.one_of(st.integers(1, 2000), st.just(-HOP)), max_size=200))
def test_no_sample_is_lost_doubled_or_out_of_order(steps: list[int]) -> None:
    source, written, read = Source(), 0, []
    for step in steps:
        if step > 0:
            source.write(np.arange(written, written + step, dtype=np.float32))
            written += step
        elif (block := source.read(-step)) is not None:
            assert len(block) == -step
            read.append(block)
    heard = np.concatenate(read) if read else np.zeros(0)
    assert np.all(np.diff(heard) > 0)
    assert len(heard) + source._length + source.dropped == written


def test_the_original_is_turned_down_under_the_translation_for_those_who_need_one() -> None:
    mix = Mix()
    for name, language, interpreted in (
        ("ann", "en", "en"),
        ("bob", "de", "de"),
        ("cid", "de", ""),
        ("dora", "de", "de"),
    ):
        mix.join(name)
        mix.speaks(name, language)
        mix.interpret(name, interpreted)
    heard: dict[str, np.ndarray] = {}
    for number in range(30):
        mix.write("ann", level(0.1))
        mix.write("dora", level(0.02))
        translation = {"de": level(0.3, HOP)} if number > 5 else {}
        for _ in range(2):
            heard = mix.read(SILENCE, translation)
    levels = {name: round(float(samples[-1]), 3) for name, samples in heard.items()}
    assert levels == {
        "ann": 0.02,  # nothing was translated for her
        "bob": 0.34,  # Ann below her translation, and Dora, who speaks his language, as she is
        "cid": 0.12,  # he wants no translation
        "dora": 0.32,
    }
    mix.interpret("bob", "")
    assert round(float(mix.read(SILENCE, {"de": level(0.3, HOP)})["bob"][-1]), 3) < 0.3
