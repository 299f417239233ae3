"""What is scored, and how it is summed up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from duplex.models.diarization.contract import Turn
from duplex.models.diarization.train import evaluate
from duplex.models.diarization.train.eval_scenes import Scene, conversations, difficult, music
from duplex.models.diarization.train.evaluate import Result
from duplex.models.diarization.train.scoring import calibration
from duplex.models.diarization.train.speaker_corpus import Voices
from duplex.models.diarization.turns import TurnSettings


@pytest.fixture(scope="module")
def voices() -> Voices:
    """Ten of them: noise in syllables."""
    rng = np.random.default_rng(0)
    speech = []
    for _ in range(10):
        activity = np.repeat([True, True, False, True], 50)
        sound = rng.normal(0, 3000, len(activity) * 160) * np.repeat(activity, 160)
        speech.append([(sound.astype(np.int16), activity)])
    rooms = np.zeros((12, 400), np.float32)
    rooms[:, 0] = 1.0
    return Voices(speech, [rng.normal(0, 500, 48_000).astype(np.int16)], rooms)


def test_conversations_are_the_same_every_time(voices: Voices) -> None:
    first, again = (list(conversations(voices, None, 3, 2, 10.0)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.samples, other.samples) and one.turns == other.turns
    assert not np.array_equal(first[0].samples, first[1].samples)
    assert [(s.kind, s.duration, s.speakers) for s in first] == [("3 speakers", 10.0, 3)] * 2


def test_what_is_difficult(voices: Voices) -> None:
    scenes = list(difficult(voices, None, 12.0))
    kinds: dict[str, Scene] = {scene.kind: scene for scene in scenes}
    for kind in ("silence", "hiss at -70 dBFS", "steady noise", "recorded noises", "music-like"):
        assert kinds[kind].turns == [] and (kind == "silence" or kinds[kind].samples.any())
    assert kinds["one speaker"].speakers == 1 and kinds["three speakers"].speakers == 3
    crowd = kinds["eight at once"]
    assert sum(turn.start < 9.0 < turn.end or turn.start < 10.1 < turn.end for turn in crowd.turns) >= 7
    assert kinds["the same, 5 s cut out"].duration == 7.0
    assert max(turn.end for turn in kinds["the same, 5 s cut out"].turns) <= 7.0
    assert np.mean(np.abs(kinds["the same, clipped 20 dB"].samples) == 1) > 0.001
    whole, narrow = kinds["three speakers"].samples, kinds["the same at 8 kHz"].samples
    upper = [np.square(np.abs(np.fft.rfft(sound))[len(sound) * 5 // 16 :]).sum() for sound in (whole, narrow)]
    assert upper[1] < 1e-3 * upper[0]
    assert all(np.abs(scene.samples).max() <= 1.0 + 1e-6 for scene in scenes if scene.kind != "one speaker")


def test_music_has_a_beat_and_a_pitch() -> None:
    sound = music(32_000, 2.0, np.random.default_rng(0))
    loud = np.square(sound.reshape(4, 8000)).reshape(4, 2, 4000).mean(2)
    assert (loud[:, 0] > 2 * loud[:, 1]).all()


def result(system: str, turns: list[Turn], said: np.ndarray | None = None, kind: str = "2 speakers") -> Result:
    truth = [Turn(0, 4, "a"), Turn(4, 8, "b"), Turn(65, 70, "c")]
    return Result(system, kind, 80.0, truth, turns, said)


def test_rows_add_up() -> None:
    right = result("good", [Turn(0, 4, "x"), Turn(4, 8, "y"), Turn(65, 70, "z")])
    poor = result("poor", [Turn(0, 8, "x"), Turn(20, 22.6, "x")])
    row = evaluate.error_row("2 speakers", "good", [right, right])
    assert (row["DER"], row["found"], row["count error"], row["switches/h"]) == (0, 3, 0, 0)
    assert row["returns kept"] == "0 of 0"
    row = evaluate.error_row("2 speakers", "poor", [poor])
    assert [row[name] for name in ("missed", "false alarm", "confusion")] == pytest.approx([500 / 13, 20, 400 / 13])
    assert row["DER"] == pytest.approx(1160 / 13) and row["count error"] == 2
    row = evaluate.difficult_row("x", "poor", [poor])
    assert row["false alarm, % of time"] == pytest.approx(100 * 2.6 / 80) and row["found"] == 1
    rows = evaluate.late_rows([right, poor])
    assert [(r[""], r["system"], r["speakers first heard then"], r["recall of them"]) for r in rows] == [
        ("minute 1", "good", 2, 100.0),
        ("minute 2", "good", 1, 100.0),
        ("minute 1", "poor", 2, 50.0),
        ("minute 2", "poor", 1, 0.0),
    ]
    assert evaluate.table(rows).splitlines()[2].startswith("| minute 1 | good | 2 | 100.0 |")


def test_reliability_of_a_network_that_knows(tmp_path: Path) -> None:
    said = np.full((800, 4), 0.01, np.float32)
    said[:40, 2] = said[40:80, 0] = said[650:700, 1] = 0.99
    curves = evaluate.reliability([result("good", [], said), result("none", [])])
    assert list(curves) == ["good"] and curves["good"].error == pytest.approx(0.01)
    evaluate.draw_reliability({"one": curves["good"], "two": calibration(said, said > 0.5)}, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_turns_do_not_outlast_the_recording() -> None:
    said = np.full((11, 1), 0.9, np.float32)
    assert evaluate.turns_from(said, 1.04) == [Turn(0.0, 1.04, "speaker 1")]
    assert evaluate.turns_from(said, 1.04, TurnSettings(onset=0.95, offset=0.4)) == []


def test_the_clustering_is_fitted_on_what_it_is_given(voices: Voices, monkeypatch: pytest.MonkeyPatch) -> None:
    """With embeddings that are the truth, any threshold between their likenesses is right, and the first is taken."""
    from duplex.models.diarization.train.baselines import Pieces

    class Oracle:
        def __init__(self) -> None:
            self.scenes = {
                scene.samples.tobytes(): scene
                for speakers in evaluate.SPEAKERS
                for scene in conversations(voices, None, speakers, 3, 10.0, seed=1)
            }

        def pieces(self, samples: np.ndarray) -> Pieces:
            turns = self.scenes[samples.tobytes()].turns
            vectors = np.eye(9)[[int(turn.speaker.split()[-1]) for turn in turns]] + 0.8
            unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            return Pieces(np.array([(turn.start, turn.end) for turn in turns]), unit)

    threshold, rate = evaluate.fit_threshold(Oracle(), voices, None, seconds=10.0)  # type: ignore[arg-type]
    assert rate == pytest.approx(0.0, abs=1e-6) and 0.85 < threshold < 0.95


def test_the_network_is_one_of_the_systems(exported: Path) -> None:
    system = evaluate.network(0.4, str(exported))
    turns, said = system(np.random.default_rng(0).normal(0, 0.1, 16_000 * 3).astype(np.float32))
    assert said is not None and said.shape == (30, 8) and all(turn.end <= 3.0 for turn in turns)
