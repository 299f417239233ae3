"""Playback: exact positions, nothing stale, nothing lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duplex.conversation.speaking.playback import AUDIBLE, FADE, Playback
from duplex.models.tts.contract import WordMark

HOP = 160


def speech(words: int, length: int = 1000) -> tuple[np.ndarray, tuple[WordMark, ...]]:
    samples = np.full(words * length, 0.5, np.float32)
    return samples, tuple(WordMark(2 * n, 2 * n + 1, n * length, (n + 1) * length) for n in range(words))


def playing(words: int = 10, epoch: int = 1) -> Playback:
    playback = Playback()
    playback.begin(epoch)
    playback.append_text(epoch, " ".join("abcdefghij"[:words]))
    playback.write(epoch, *speech(words))
    return playback


def read(playback: Playback, start: int, frames: int) -> np.ndarray:
    return np.concatenate([playback.read(start + n * HOP, HOP) for n in range(frames)])


def test_what_is_written_is_what_is_read() -> None:
    playback = Playback()
    playback.begin(1)
    wave = np.random.default_rng(0).normal(size=1234).astype(np.float32)
    for piece in np.array_split(wave, 7):
        playback.write(1, piece)
    out = read(playback, 0, 8)
    np.testing.assert_array_equal(out[:1234], wave)
    assert not out[1234:].any()


def test_an_interruption_ends_within_the_fade_and_reports_the_sample() -> None:
    playback = playing()
    before = read(playback, 0, 20)
    playback.interrupt(1)
    after = read(playback, 3200, 3)
    assert (np.abs(before) > AUDIBLE).all()
    audible = np.flatnonzero(np.abs(after) > AUDIBLE)
    track = playback.end()
    assert track is not None and track.last_audible == 3200 + audible[-1] + 1 <= 3200 + FADE
    assert track.heard_text() == "a b c"
    assert [(w.text, w.start, w.end) for w in track.heard_words()] == [
        ("a", 0, 1000),
        ("b", 1000, 2000),
        ("c", 2000, 3000),
    ]


def test_a_held_reply_resumes_at_the_very_sample() -> None:
    playback = Playback()
    playback.begin(1)
    wave = np.linspace(0.1, 0.9, 8000, dtype=np.float32)
    playback.write(1, wave)
    playback.finish(1)
    first = read(playback, 0, 10)
    playback.suspend(1)
    held = read(playback, 1600, 10)
    playback.resume(1)
    rest = read(playback, 3200, 45)
    assert not held[FADE:].any()
    position = 1600 + FADE
    np.testing.assert_array_equal(first, wave[:1600])
    np.testing.assert_array_equal(rest[FADE : 8000 - position], wave[position + FADE :])
    assert np.abs(np.diff(rest[: FADE + 1])).max() < 0.05  # no click
    assert playback.drained


def test_a_word_heard_across_a_hold_has_its_true_times() -> None:
    playback = playing(3)
    read(playback, 0, 10)  # 1600: in the middle of b
    playback.suspend(1)
    read(playback, 1600, 10)
    playback.resume(1)
    read(playback, 3200, 12)
    track = playback.track
    assert track is not None
    assert [(w.start, w.end) for w in track.heard_words()] == [(0, 1000), (1000, 3200 + 400 - FADE), (3520, 4520)]


def test_stale_epochs_are_discarded_and_counted() -> None:
    playback = playing(2, epoch=5)
    assert not playback.write(4, np.ones(100, np.float32))
    playback.suspend(4)
    playback.interrupt(4)
    playback.finish(4)
    assert playback.discarded == 100
    assert playback.append_text(4, "x") == -1
    assert np.abs(read(playback, 0, 1)).min() > AUDIBLE
    playback.begin(6)
    assert not read(playback, 160, 2).any()


def test_after_an_interruption_nothing_more_is_taken() -> None:
    playback = playing(4)
    read(playback, 0, 3)
    playback.interrupt(1)
    assert not playback.write(1, np.ones(1000, np.float32))
    read(playback, 480, 1)
    assert playback.drained
    assert not read(playback, 640, 10).any()


def test_a_reply_heard_to_its_end_keeps_its_punctuation() -> None:
    playback = Playback()
    playback.begin(1)
    playback.append_text(1, "a b!")
    playback.write(1, *speech(2))
    playback.finish(1)
    read(playback, 0, 13)
    track = playback.end()
    assert track is not None and track.heard_text() == "a b!"


def test_a_mark_sent_again_gets_its_end() -> None:
    playback = Playback()
    playback.begin(1)
    playback.append_text(1, "a")
    playback.write(1, np.ones(500, np.float32), (WordMark(0, 1, 0, 500),))
    playback.write(1, np.ones(500, np.float32), (WordMark(0, 1, 0, 900),))
    assert playback.track is not None
    assert playback.track.marks == [WordMark(0, 1, 0, 900)]


def test_room_bounds_what_is_made_ahead() -> None:
    playback = Playback(capacity=0.1)
    playback.begin(1)
    playback.write(1, np.ones(1600, np.float32))
    assert playback.room() == 0
    playback.read(0, HOP)
    assert playback.room() == HOP


@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "read", "suspend", "resume", "interrupt", "begin"]), st.integers(1, 900)),
        max_size=60,
    )
)
def test_whatever_happens_every_sample_is_heard_at_most_once_and_in_order(operations: list[tuple[str, int]]) -> None:
    """The played stretches of a reply are contiguous in the reply, disjoint on the clock, and end after a cut."""
    playback = Playback(capacity=10)
    epoch, clock, counter = 1, 0, 0
    playback.begin(epoch)
    for operation, size in operations:
        if operation == "write":
            playback.write(epoch, np.arange(counter, counter + size, dtype=np.float32) % 97 / 100 + 0.01)
            counter += size
        elif operation == "read":
            was_cut = playback.suspended or (playback.track is not None and playback.track.finished)
            out = playback.read(clock, HOP)
            clock += HOP
            if was_cut:
                assert not out[FADE:].any()
        elif operation == "begin":
            epoch += 1
            playback.begin(epoch)
        else:
            getattr(playback, operation)(epoch)
        track = playback.track
        assert track is not None
        assert track.played <= track.written
        assert sum(length for _, _, length in track.segments) == track.played
        place = heard = 0
        for first, at, length in track.segments:
            assert first == place and at >= heard
            place, heard = first + length, at + length
        assert heard <= clock
