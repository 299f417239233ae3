"""Windows of simulated conversations, from a folder that is rendered beforehand or beside a training.

`python -m duplex.models.diarization.segmentation.train.windows --out runs/segmentation/pool --least 1500`
"""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

import numpy as np

from duplex.models.corpora.manifest import data_folder
from duplex.models.diarization.contract import FRAME
from duplex.models.diarization.segmentation import pyannet
from duplex.models.diarization.segmentation.networks import WINDOW
from duplex.models.diarization.train.example_cache import Folder, fill
from duplex.models.diarization.train.simulation import Conversation
from duplex.models.diarization.train.speaker_corpus import LABEL_HOP, Voices

LABELS = WINDOW * FRAME // LABEL_HOP
"""Of a window: one for each 10 ms."""

LOCAL, AT_ONCE = 4, 3
"""Speakers that are told apart in a window, and at a time; the published network tells three and two."""

_AROUND = 6
"""Frames of 10 ms before and after what the simulation counts as speech that are labelled as such, too: its truth ends
where the level falls, and people who annotate a meeting hear a word to its end."""

_APART = 12
"""Of so many speakers, noises, pieces of music and rooms one is kept for validation."""


def divided(voices: Voices) -> tuple[Voices, Voices]:
    """What training hears, and what chooses its checkpoints."""

    def part(kept: bool) -> Voices:
        def of(things):
            return [thing for number, thing in enumerate(things) if (number % _APART == 0) == kept]

        return Voices(of(voices.speech), of(voices.noises), np.stack(of(voices.rooms)), of(voices.music))

    return part(False), part(True)


def kept(conversation: Conversation) -> dict[str, np.ndarray]:
    """Samples as 16-bit integers, and activity every 10 ms."""
    samples = np.clip(np.round(conversation.samples * 32768), -32768, 32767).astype(np.int16)
    return {"samples": samples, "activity": conversation.activity}


class Windows(Folder):
    """Windows of the conversations in a folder."""

    def batch(self, rng: np.random.Generator, size: int, each: int = 2) -> tuple[np.ndarray, np.ndarray]:
        """(samples (size, n) float32, activity (size, frames of the network, LOCAL) bool); `each` of one conversation.

        Of more speakers than the network tells apart in a window, those who speak least are left out of the labels.
        """
        sounds, labels = [], []
        while len(sounds) < size:
            files = list(chain.from_iterable(self.files().values()))
            found = self.read(files[int(rng.integers(len(files)))], "samples", "activity")
            if found is None:
                continue
            samples, activity = found
            for _ in range(each):
                at = int(rng.integers(len(activity) - LABELS + 1))
                sounds.append(samples[at * LABEL_HOP :][: WINDOW * FRAME].astype(np.float32) / 32768)
                labels.append(window_labels(activity[at : at + LABELS]))
        return np.stack(sounds[:size]), np.stack(labels[:size])


def window_labels(activity: np.ndarray) -> np.ndarray:
    """(10 ms frames, speakers) bool of a window to (network frames, LOCAL): the most active speakers."""
    most = np.argsort(-activity.sum(0), kind="stable")[:LOCAL]
    count = (len(activity) * LABEL_HOP - pyannet.REACH) // pyannet.STEP + 1
    middles = (np.arange(count) * pyannet.STEP + pyannet.REACH // 2) // LABEL_HOP
    labels = np.zeros((count, LOCAL), bool)
    padded = np.pad(activity[:, most], ((_AROUND, _AROUND), (0, 0)))
    wider = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1, axis=0).any(-1)
    labels[:, : len(most)] = wider[middles]
    return labels


def main() -> None:
    parser = argparse.ArgumentParser(description="Render conversations for the fine-tuning of the segmentation.")
    parser.add_argument("--out", required=True, help="folder of the conversations")
    parser.add_argument("--data", help="data folder; default $DUPLEX_DATA")
    parser.add_argument("--size", type=int, default=4000, help="conversations kept")
    parser.add_argument("--least", type=int, default=0, help="stop when so many have been rendered; 0: never")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    data = data_folder(arguments.data)
    voices, _ = divided(Voices.load(data))
    fill(Path(arguments.out), data, voices, kept, arguments.size, arguments.seed, arguments.least)


if __name__ == "__main__":
    main()
