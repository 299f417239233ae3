"""What a diarization network has to beat: everything is one speaker; what is speech is one speaker; speech clustered,
as it comes, by embeddings of voices.

The embeddings are Resemblyzer's (Wan et al. 2018, "Generalized end-to-end loss for speaker verification"), whose
weights are in its wheel: `pip install --no-deps resemblyzer`. Only the weights are used.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.diarization.contract import Turn
from duplex.models.vad.webrtc import WebRtcVad
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError
from duplex.streaming.mel import mel_bands

WINDOW, STEP = 1.6, 0.5
"""Seconds that an embedding looks at (what the model was trained on), and that get one label."""

_LEVEL = 10 ** (-30 / 20)


def one_speaker(samples: np.ndarray) -> list[Turn]:
    """The recording from beginning to end."""
    return [Turn(0.0, len(samples) / SAMPLE_RATE, "speaker 1")]


def detected_speech(samples: np.ndarray) -> list[Turn]:
    """What duplex.models.vad.webrtc takes for speech, as one speaker."""
    detector = WebRtcVad()
    state, turns, onset = detector.initial_state(), [], 0
    verdicts = []
    for at in range(0, len(samples) - detector.hop + 1, detector.hop):
        verdict, state = detector.step(samples[at : at + detector.hop], state)
        verdicts.append(verdict)
    for verdict in [*verdicts, detector.flush(state)]:
        if verdict is None:
            continue
        if verdict.onset is not None:
            onset = verdict.onset
        if verdict.offset is not None:
            turns.append(Turn(onset / SAMPLE_RATE, verdict.offset / SAMPLE_RATE, "speaker 1"))
    return turns


@dataclass(frozen=True, slots=True)
class Pieces:
    """Speech in short pieces: times (n, 2) in seconds, and an embedding (n, 256) of the 1.6 s around each."""

    times: np.ndarray
    embeddings: np.ndarray


class VoiceEmbeddings:
    """Resemblyzer's network. Raises ModelError if its wheel is not installed."""

    def __init__(self) -> None:
        import torch

        spec = importlib.util.find_spec("resemblyzer")
        if spec is None or not spec.submodule_search_locations:
            raise ModelError("the clustering baseline needs a voice model: pip install --no-deps resemblyzer")
        weights = Path(spec.submodule_search_locations[0]) / "pretrained.pt"
        kept = torch.load(weights, map_location="cpu", weights_only=True)["model_state"]
        self._lstm = torch.nn.LSTM(40, 256, 3, batch_first=True)
        self._linear = torch.nn.Linear(256, 256)
        for name, module in (("lstm.", self._lstm), ("linear.", self._linear)):
            module.load_state_dict({k.removeprefix(name): v for k, v in kept.items() if k.startswith(name)})
        self._bands = mel_bands(SAMPLE_RATE, 400, 40).T
        self._window = np.hanning(401)[:400].astype(np.float32)

    def embed(self, voices: Sequence[np.ndarray]) -> np.ndarray:
        """voices: (n,) float32 at 16 kHz each, of any length. Returns (voices, 256), of unit length."""
        import torch
        from torch.nn.utils.rnn import pack_sequence

        if not voices:
            return np.zeros((0, 256), np.float32)
        parts = []
        with torch.inference_mode():
            for first in range(0, len(voices), 64):
                mels = [torch.from_numpy(self._mel(voice)) for voice in voices[first : first + 64]]
                _, (hidden, _) = self._lstm(pack_sequence(mels, enforce_sorted=False))
                parts.append(torch.nn.functional.normalize(torch.relu(self._linear(hidden[-1]))))
        return torch.cat(parts).numpy()

    def _mel(self, voice: np.ndarray) -> np.ndarray:
        """(n,) to (frames, 40): power, not its logarithm, of the voice brought to -30 dBFS."""
        level = float(np.sqrt(np.mean(np.square(voice)))) if len(voice) else 0.0
        voice = voice * np.float32(_LEVEL / max(level, 1e-6))
        padded = np.pad(voice, 200)
        frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160]
        spectrum = np.fft.rfft(frames * self._window, axis=1)
        return ((spectrum.real**2 + spectrum.imag**2) @ self._bands).astype(np.float32)

    def pieces(self, samples: np.ndarray) -> Pieces:
        """Detected speech, cut into pieces of about STEP; what an embedding sees does not reach beyond its speech."""
        times, voices = [], []
        for turn in detected_speech(samples):
            edges = np.linspace(turn.start, turn.end, max(1, round(turn.duration / STEP)) + 1)
            for start, end in itertools.pairwise(edges):
                middle = (start + end) / 2
                begin, stop = max(turn.start, middle - WINDOW / 2), min(turn.end, middle + WINDOW / 2)
                times.append((start, end))
                voices.append(samples[round(begin * SAMPLE_RATE) : round(stop * SAMPLE_RATE)])
        return Pieces(np.array(times).reshape(-1, 2), self.embed(voices))


def cluster(pieces: Pieces, threshold: float, max_speakers: int = 8) -> list[Turn]:
    """Each piece, as it comes, to the speaker whose mean embedding is nearest, or to a new one if none is nearer than
    `threshold` (cosine) and there may be more."""
    sums: list[np.ndarray] = []
    turns: list[Turn] = []
    for (start, end), embedding in zip(pieces.times, pieces.embeddings, strict=True):
        likeness = [float(total @ embedding) / float(np.linalg.norm(total)) for total in sums]
        nearest = int(np.argmax(likeness)) if sums else -1
        if nearest < 0 or (likeness[nearest] < threshold and len(sums) < max_speakers):
            nearest = len(sums)
            sums.append(np.zeros_like(embedding))
        sums[nearest] = sums[nearest] + embedding
        name = f"speaker {nearest + 1}"
        if turns and turns[-1].speaker == name and start - turns[-1].end < 1e-6:
            turns[-1] = Turn(turns[-1].start, float(end), name)
        else:
            turns.append(Turn(float(start), float(end), name))
    return turns
