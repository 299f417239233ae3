from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from duplex.models.diarization.config import LITE
from duplex.models.diarization.contract import FRAME
from duplex.models.diarization.features import Features
from duplex.models.diarization.runtime import NetworkRuntime
from duplex.models.diarization.stage import LsEend
from duplex.streaming.errors import InputError, ModelError, SettingsError
from tests.models.diarization.conftest import SMALL, random_net


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * 16_000)).astype(np.float32) * 0.1


def run(stage: LsEend, samples: np.ndarray, hops: int = 1) -> np.ndarray:
    state = stage.initial_state()
    parts = []
    for at in range(0, len(samples), hops * FRAME):
        frames, state = stage.step(samples[at : at + hops * FRAME], state)
        assert frames.start == sum(len(part) for part in parts) * FRAME
        parts.append(frames.probabilities)
    parts.append(stage.flush(state).probabilities)
    return np.concatenate(parts)


@pytest.mark.parametrize("latency", [0.0, 0.4, 1.0])
def test_the_runtime_equals_the_network(exported: Path, latency: float) -> None:
    stage = LsEend(exported, latency)
    samples = noise(8)
    ahead = {0.0: 0, 0.4: 4, 1.0: 9}[latency]
    with torch.no_grad():
        logits = random_net()(torch.from_numpy(Features(SMALL).forward(samples))[None], ahead).logits
    expected = torch.sigmoid(logits)[0, :, 1:-1].numpy()
    np.testing.assert_allclose(run(stage, samples), expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(run(stage, samples, hops=13), run(stage, samples), rtol=0, atol=1e-4)


@pytest.mark.parametrize("latency", [0.0, 0.4, 1.0])
def test_frames_come_as_soon_as_the_latency_allows(exported: Path, latency: float) -> None:
    stage = LsEend(exported, latency)
    state = stage.initial_state()
    given = 0
    for heard in range(1, 30):
        frames, state = stage.step(noise(0.1, heard), state)
        given += len(frames.probabilities)
        assert given == max(0, (heard * FRAME - stage.latency) // FRAME)


def test_every_frame_comes_once(exported: Path) -> None:
    stage = LsEend(exported, 1.0)
    assert run(stage, noise(3.7)).shape == (37, 8)
    assert run(stage, noise(0.2)).shape == (2, 8)
    assert run(stage, noise(0.0)).shape == (0, 8)


def test_fewer_speakers(exported: Path) -> None:
    assert run(LsEend(exported, 0.4, 3), noise(2)).shape == (20, 3)


def test_a_state_can_be_gone_back_to(exported: Path) -> None:
    import copy

    stage = LsEend(exported, 0.4)
    state = stage.initial_state()
    _, state = stage.step(noise(1), state)
    kept = copy.deepcopy(state)
    first, _ = stage.step(noise(1, 1), state)
    again, _ = stage.step(noise(1, 1), kept)
    np.testing.assert_array_equal(first.probabilities, again.probabilities)


def test_the_state_has_the_same_size_after_an_hour(exported: Path) -> None:
    stage = LsEend(exported, 1.0)
    state = stage.initial_state()
    sizes = []
    for _ in range(36):
        _, state = stage.step(np.tile(noise(10), 10), state)
        sizes.append(state.nbytes)
    assert len(set(sizes)) == 1


def test_not_a_number_counts_as_silence(exported: Path) -> None:
    stage = LsEend(exported, 0.0)
    samples = noise(2)
    samples[5000:6000] = np.nan
    silent = samples.copy()
    silent[5000:6000] = 0
    np.testing.assert_allclose(run(stage, samples), run(stage, silent))


def test_wrong_blocks_latencies_and_folders_are_named(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1600"):
        stage = LsEend(exported)
        stage.step(np.zeros(100, np.float32), stage.initial_state())
    with pytest.raises(SettingsError, match=r"0, 0\.4, 1"):
        LsEend(exported, 0.5)
    with pytest.raises(SettingsError, match="1 to 8"):
        LsEend(exported, 1.0, 9)
    with pytest.raises(ModelError, match="holds no graphs"):
        LsEend(tmp_path)
    with pytest.raises(ModelError, match="0, 4, 9"):
        NetworkRuntime(exported, 5)


def test_the_shipped_network_is_the_lite_one() -> None:
    from duplex.models.diarization import WEIGHTS

    assert NetworkRuntime(WEIGHTS, 9).config == LITE


class Scripted(LsEend):
    """The stage around a network that hears a voice in the loudness of the frame: quiet ones are slot 2."""

    class Network:
        def __init__(self, real: NetworkRuntime) -> None:
            self.config, self.look_ahead, self.real = real.config, 0, real

        def initial_state(self):
            return self.real.initial_state()

        def resumed(self, state):
            return self.real.resumed(state)

        def step(self, inputs, state):
            return self.said.pop(0)[: len(inputs)], state

    def __init__(self, folder: Path, said: list[np.ndarray]) -> None:
        super().__init__(folder, 0.0, 4)
        network = self.Network(self._network)
        network.said = said
        self._network = network  # type: ignore[assignment]


def speaking(slot: int, frames: int = 200) -> np.ndarray:
    probabilities = np.zeros((frames, 4), np.float32)
    probabilities[:, slot] = 0.9
    return probabilities


def test_enrolled_voices_have_the_first_columns(exported: Path) -> None:
    silence = speaking(0) * 0
    stage = Scripted(exported, [speaking(2), silence, speaking(0), silence, speaking(2)])
    state = stage.initial_state(enrolled=[("ann", noise(3)), ("bob", noise(3))])
    frames, _ = stage.step(noise(1), state)
    assert frames.start == 0
    assert (frames.probabilities.argmax(axis=1) == 0).all()


def test_an_enrolment_without_speech_is_refused(exported: Path) -> None:
    stage = Scripted(exported, [speaking(0) * 0, speaking(0) * 0])
    with pytest.raises(InputError, match="ann has less than 1 s"):
        stage.initial_state(enrolled=[("ann", noise(3))])


def test_voices_that_sound_alike_are_refused(exported: Path) -> None:
    silence = speaking(0) * 0
    stage = Scripted(exported, [speaking(1), silence, speaking(1), silence])
    with pytest.raises(InputError, match="ann and bob cannot be told apart"):
        stage.initial_state(enrolled=[("ann", noise(3)), ("bob", noise(3))])
