from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.diarization.features import Features
from duplex.models.diarization.train.conversation_plans import plan
from duplex.models.diarization.train.example_cache import Pool, frame_activity, render
from duplex.models.diarization.train.losses import (
    activity_loss,
    best_order,
    consistency_loss,
    in_order_of_appearance,
    slot_labels,
)
from duplex.models.diarization.train.simulation import simulate, turns_of
from duplex.models.diarization.train.speaker_corpus import Voices, speech_frames
from duplex.models.diarization.train.validation import frame_errors
from duplex.models.diarization.weights_file import load_weights, save_weights
from duplex.streaming.errors import InputError, ModelError
from tests.models.diarization.conftest import SMALL, random_net


@pytest.fixture(scope="module")
def voices() -> Voices:
    """Four speakers made of tones with pauses."""
    rng = np.random.default_rng(0)
    speech = []
    for pitch in (110, 150, 210, 260):
        time = np.arange(16_000 * 5) / 16_000
        tone = np.sign(np.sin(2 * np.pi * pitch * time)) * (np.sin(2 * np.pi * 0.6 * time) > -0.3)
        samples = ((tone * 0.2 + rng.standard_normal(len(time)) * 0.002) * 32767).astype(np.int16)
        speech.append([(samples, speech_frames(samples.astype(np.float32) / 32768))])
    return Voices(speech, [(rng.standard_normal(40_000) * 1000).astype(np.int16)], np.eye(1, 800, dtype=np.float32))


def test_order_of_appearance() -> None:
    activity = np.array([[0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 1, 0], [1, 0, 0, 1]], bool)
    assert in_order_of_appearance(activity).tolist() == [2, 0, 3]
    labels = slot_labels(activity[:, [2, 0, 3]], 6)
    assert labels.tolist() == [
        [1, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
    ]


def test_the_losses_of_what_is_right_are_least() -> None:
    labels = torch.tensor([[[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0]]])
    right, wrong = (labels * 2 - 1) * 8, (1 - labels * 2) * 8
    assert activity_loss(right, labels) < 0.01 < activity_loss(wrong, labels)
    assert consistency_loss(torch.nn.functional.normalize(labels, dim=-1), labels) < 1e-6
    assert consistency_loss(torch.ones(1, 3, 4) / 2, labels) > 0.1


def test_the_best_order_of_labels() -> None:
    labels = torch.zeros(1, 6, 5)
    labels[0, :2, 1] = labels[0, 2:5, 2] = labels[0, 5, 0] = 1
    logits = (labels * 2 - 1) * 6
    swapped = labels[:, :, [0, 2, 3, 1, 4]]
    torch.testing.assert_close(best_order(logits, swapped), labels)
    torch.testing.assert_close(best_order(logits, labels), labels)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.floats(10, 120))
def test_plans(seed: int, speakers: int, seconds: float) -> None:
    turns = plan(np.random.default_rng(seed), speakers, seconds)
    assert {turn.speaker for turn in turns} == set(range(speakers))
    assert all(turn.start >= 0 and turn.end <= seconds + 1e-9 for turn in turns)
    for speaker in range(speakers):
        own = [turn for turn in turns if turn.speaker == speaker]
        talked = sum(turn.length for turn in own)
        assert talked <= seconds + 4.0


def test_overlap_is_up_to_a_third_on_average() -> None:
    shares = []
    for seed in range(60):
        grid = np.zeros((6000, 4), bool)
        for turn in plan(np.random.default_rng(seed), 4, 60.0):
            grid[round(turn.start * 100) : round(turn.end * 100), turn.speaker] = True
        shares.append((grid.sum(1) > 1).sum() / max((grid.sum(1) > 0).sum(), 1))
    assert 0.05 < np.mean(shares) < 0.34
    assert min(shares) < 0.05 and max(shares) > 0.25


def test_a_simulated_conversation(voices: Voices) -> None:
    made = simulate(np.random.default_rng(3), voices, 3, 20.0)
    again = simulate(np.random.default_rng(3), voices, 3, 20.0)
    np.testing.assert_array_equal(made.samples, again.samples)
    assert made.samples.shape == (320_000,) and made.activity.shape == (2000, 3)
    assert np.isfinite(made.samples).all() and np.abs(made.samples).max() <= 1
    assert made.activity.any(axis=0).all()
    assert len(set(made.identities.tolist())) == 3
    drawn = np.zeros_like(made.activity)
    for turn in made.turns:
        drawn[round(turn.start * 100) : round(turn.end * 100), int(turn.speaker.split()[1]) - 1] = True
    np.testing.assert_array_equal(drawn, made.activity)


def test_labels_follow_the_sound(voices: Voices) -> None:
    """Where nobody is labelled it is quieter than where one is."""
    found = []
    for seed in range(8):
        made = simulate(np.random.default_rng(seed), voices, 2, 15.0)
        power = (made.samples.reshape(-1, 160) ** 2).mean(1)
        speaking = made.activity.any(1)
        if (~speaking).sum() > 50:
            found.append(np.median(power[speaking]) > np.median(power[~speaking]))
    assert len(found) >= 4 and all(found)


def test_too_many_speakers_are_refused(voices: Voices) -> None:
    with pytest.raises(InputError, match="4 speakers, not 5"):
        simulate(np.random.default_rng(0), voices, 5, 10.0)


def test_speech_frames_find_the_pauses() -> None:
    sound = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) * 0.001
    sound[8000:24_000] += np.sin(np.arange(16_000) * 0.05).astype(np.float32) * 0.3
    sound[24_000 + 1600 : 32_000] += 0.2  # a pause of 0.1 s counts as speech
    active = speech_frames(sound)
    assert abs(int(active.argmax()) - 50) <= 3 and active[60:195].all() and not active[215:].any()


def test_turns_of_activity() -> None:
    activity = np.zeros((100, 2), bool)
    activity[10:30, 1] = activity[20:50, 0] = True
    spoken = [(turn.start, turn.end, turn.speaker) for turn in turns_of(activity)]
    assert spoken == [(0.1, 0.3, "speaker 2"), (0.2, 0.5, "speaker 1")]


def test_batches_from_a_pool(voices: Voices, tmp_path: Path) -> None:
    features = Features(SMALL)
    made = simulate(np.random.default_rng(1), voices, 2, 20.0)
    kept = render(made, features)
    np.savez(tmp_path / "2-000000.npz", **kept)
    (tmp_path / "2-000001.npz").write_bytes(b"half written")
    pool = Pool(tmp_path, SMALL)
    inputs, labels, identities = pool.batch(np.random.default_rng(0), 6, 50, {2: 1.0}, 5)
    assert inputs.shape == (6, 50, SMALL.splice) and labels.shape == (6, 50, 5) and identities.shape == (6, 50)
    assert (labels.sum(2) >= 1).all() and (labels[:, :, -1] == 0).all()
    alone = labels[:, :, 1:].sum(2) == 1
    assert set(identities[alone]) <= set(made.identities) and (identities[~alone] == -1).all()


def test_a_crop_from_the_beginning_equals_the_stage(voices: Voices, tmp_path: Path) -> None:
    features = Features(SMALL)
    made = simulate(np.random.default_rng(1), voices, 2, 12.0)
    np.savez(tmp_path / "2-000000.npz", **render(made, features))
    pool = Pool(tmp_path, SMALL)
    expected = features.forward(made.samples)[:100]
    rows = [pool.batch(np.random.default_rng(seed), 1, 100, {2: 1.0}, 5)[0][0] for seed in range(30)]
    assert min(float(np.abs(row - expected).max()) for row in rows) < 0.02  # half precision on disk


def test_frame_activity_is_the_majority() -> None:
    activity = np.zeros((30, 1), bool)
    activity[5:10] = activity[16:20] = activity[20:30] = True
    assert frame_activity(activity, 3)[:, 0].tolist() == [True, False, True]


def test_frame_errors_by_hand() -> None:
    reference = np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 0]], bool)
    swapped = reference[:, ::-1]
    assert frame_errors(reference, swapped) == (0, 0, 0, 5)
    found = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]], bool)
    assert frame_errors(reference, found) == (1, 1, 1, 5)


def test_weights_survive_the_file(tmp_path: Path) -> None:
    net = random_net()
    save_weights(tmp_path / "w.safetensors", net)
    back = load_weights(tmp_path / "w.safetensors")
    inputs = torch.randn(1, 20, SMALL.splice)
    with torch.no_grad():
        torch.testing.assert_close(back(inputs).logits, net(inputs).logits, rtol=0, atol=1e-5)
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="does not hold a diarization network"):
        load_weights(tmp_path / "bad.safetensors")


@pytest.mark.slow
def test_training_learns_and_goes_on(
    voices: Voices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    from duplex.models.diarization.train import loop as training

    pool = tmp_path / "pool"
    pool.mkdir()
    features = Features(SMALL)
    for number in range(6):
        made = simulate(np.random.default_rng(number), voices, 1 + number % 2, 30.0)
        np.savez(pool / f"{1 + number % 2}-{number:06d}.npz", **render(made, features))
    scenes = {"names": np.array(["sim2"]), "inputs0": features.forward(made.samples).astype(np.float16)}
    np.savez(tmp_path / f"valid-{SMALL.mels}.npz", activity0=frame_activity(made.activity, 300), **scenes)
    monkeypatch.setattr(training, "NETWORKS", {"lite": SMALL})
    monkeypatch.setattr(training, "data_folder", lambda folder: tmp_path)
    monkeypatch.setattr(training, "rows", lambda *_: [{"dataset": "x", "speaker": n} for n in range(4)])
    lesson = training.Lesson(1.01, {1: 0.5, 2: 0.5}, 4, 60, 4)
    monkeypatch.setattr(training, "CURRICULUM", (lesson,))
    given = {"out": str(tmp_path / "run"), "pool": str(pool), "data": None, "network": "lite", "minutes": 10.0}
    given |= {"every": 10.0, "rate": 1e-3, "identity": 0.1, "seed": 1, "threads": 1, "device": "cpu"}
    given |= {"begin": None, "skip": 0.0, "any_order": False, "bf16": True}
    training.train(argparse.Namespace(**given, max_steps=2))
    training.train(argparse.Namespace(**given, max_steps=25))
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [2, 25]
    assert log[1]["loss"] < log[0]["loss"]
    assert load_weights(tmp_path / "run" / "best.safetensors").config.identities == 0
