"""How good a diarization is: the field's error rate (pyannote.metrics), and what that does not say: whether those who
come late are found, how often a speaker changes name, and whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

from duplex.models.diarization.contract import Turn

if TYPE_CHECKING:
    from pyannote.core import Annotation

FRAME_SECONDS = 0.01
"""Of everything here that is counted in frames."""


@dataclass(frozen=True, slots=True)
class ErrorTimes:
    """Seconds of speaker time: of the reference, and of it missed; found where there is none; given to the wrong
    speaker. Adds up over recordings."""

    total: float = 0.0
    missed: float = 0.0
    false_alarm: float = 0.0
    confusion: float = 0.0

    def __add__(self, other: ErrorTimes) -> ErrorTimes:
        return ErrorTimes(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def rate(self) -> float:
        """Diarization error rate, in percent; NaN without speech."""
        wrong = self.missed + self.false_alarm + self.confusion
        return 100 * wrong / self.total if self.total else float("nan")

    @property
    def parts(self) -> tuple[float, float, float]:
        """Missed, false alarm and confusion, in percent."""
        if not self.total:
            return (float("nan"),) * 3
        return 100 * self.missed / self.total, 100 * self.false_alarm / self.total, 100 * self.confusion / self.total


def error_times(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], duration: float, collar: float = 0.0
) -> ErrorTimes:
    """Errors under the best one-to-one assignment of speakers; overlap is scored.

    collar: seconds on either side of each reference boundary that do not count, as in NIST's md-eval
    (pyannote.metrics itself takes the sum of the two).
    """
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    metric = DiarizationErrorRate(collar=2 * collar, skip_overlap=False)
    whole = Timeline([Segment(0.0, duration)])
    found = metric.compute_components(_annotation(reference), _annotation(hypothesis), uem=whole)
    return ErrorTimes(found["total"], found["missed detection"], found["false alarm"], found["confusion"])


def _annotation(turns: Sequence[Turn]) -> Annotation:
    from pyannote.core import Annotation, Segment

    annotation = Annotation()
    for number, turn in enumerate(turns):
        if turn.end > turn.start:
            annotation[Segment(turn.start, turn.end), number] = turn.speaker
    return annotation.support()  # turns of one speaker that touch or overlap are one


def speakers_of(turns: Sequence[Turn]) -> list[str]:
    """In order of appearance."""
    return list(dict.fromkeys(turn.speaker for turn in sorted(turns, key=lambda turn: turn.start)))


def activity(turns: Sequence[Turn], speakers: Sequence[str], duration: float) -> np.ndarray:
    """(frames, speakers) bool, a frame every 10 ms."""
    frames = np.zeros((round(duration / FRAME_SECONDS), len(speakers)), bool)
    for turn in turns:
        frames[round(turn.start / FRAME_SECONDS) : round(turn.end / FRAME_SECONDS), speakers.index(turn.speaker)] = True
    return frames


def assignment(reference: np.ndarray, hypothesis: np.ndarray) -> list[tuple[int, int]]:
    """(frames, n) and (frames, m), bool or probabilities, to the pairs of columns that have most in common."""
    from scipy.optimize import linear_sum_assignment

    common = reference.astype(np.float64).T @ hypothesis.astype(np.float64)
    pairs = zip(*linear_sum_assignment(-common), strict=True)
    return [(int(row), int(column)) for row, column in pairs if common[row, column] > 0]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One speaker of the reference: the minute in which he is first heard, his seconds of speech from then on, and how
    many of them were given to the one speaker that stands for him."""

    minute: int
    spoken: float
    found: float


def arrivals(reference: Sequence[Turn], hypothesis: Sequence[Turn], duration: float) -> list[Arrival]:
    """Of each reference speaker; recall by the minute of arrival shows whether latecomers still get a slot."""
    names = speakers_of(reference)
    wanted = activity(reference, names, duration)
    given = activity(hypothesis, speakers_of(hypothesis), duration)
    found = dict.fromkeys(range(len(names)), 0)
    for row, column in assignment(wanted, given):
        found[row] = int((wanted[:, row] & given[:, column]).sum())
    return [
        Arrival(
            int(np.argmax(wanted[:, row]) * FRAME_SECONDS // 60),
            float(wanted[:, row].sum() * FRAME_SECONDS),
            found[row] * FRAME_SECONDS,
        )
        for row in range(len(names))
        if wanted[:, row].any()
    ]


def recall_by_minute(reference: Sequence[Turn], hypothesis: Sequence[Turn], duration: float) -> np.ndarray:
    """(minutes, 2): seconds of reference speech in each minute, and of them rightly found (best assignment overall)."""
    names = speakers_of(reference)
    wanted = activity(reference, names, duration)
    given = activity(hypothesis, speakers_of(hypothesis), duration)
    right = np.zeros(len(wanted), int)
    for row, column in assignment(wanted, given):
        right += wanted[:, row] & given[:, column]
    per_minute = round(60 / FRAME_SECONDS)
    starts = range(0, len(wanted), per_minute)
    spoken = wanted.sum(1)
    rows = [(spoken[at : at + per_minute].sum(), right[at : at + per_minute].sum()) for at in starts]
    return np.array(rows, float).reshape(-1, 2) * FRAME_SECONDS


@dataclass(frozen=True, slots=True)
class Persistence:
    """Whether speakers keep their labels.

    turns: those that follow another of the same speaker. switches: of them, under another label. returns: those that
    follow after a long silence of that speaker. kept: of them, under the same label.
    """

    turns: int = 0
    switches: int = 0
    returns: int = 0
    kept: int = 0

    def __add__(self, other: Persistence) -> Persistence:
        return Persistence(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def persistence(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], duration: float, least: float = 0.5, absence: float = 60.0
) -> Persistence:
    """A turn has the label that covers most of the time in which its speaker speaks alone; turns with less than `least`
    seconds of such time, or found by nobody for half of it, do not count. absence: seconds that make a return."""
    names, labels = speakers_of(reference), speakers_of(hypothesis)
    wanted, given = activity(reference, names, duration), activity(hypothesis, labels, duration)
    alone = wanted.sum(1) == 1
    found = Persistence()
    for row, name in enumerate(names):
        last, heard = -1, 0.0
        for turn in sorted((turn for turn in reference if turn.speaker == name), key=lambda turn: turn.start):
            away, heard = turn.start - heard, turn.end
            frames = slice(round(turn.start / FRAME_SECONDS), round(turn.end / FRAME_SECONDS))
            own = alone[frames] & wanted[frames, row]
            covered = given[frames][own].sum(0)
            if own.sum() * FRAME_SECONDS < least or not len(labels) or covered.max() < 0.5 * own.sum():
                continue
            label = int(covered.argmax())
            if last >= 0:
                back = int(away >= absence)
                found += Persistence(1, int(label != last), back, back * int(label == last))
            last = label
    return found


@dataclass(frozen=True, slots=True)
class Calibration:
    """A reliability curve. confidence, frequency, count: (bins,), the mean probability, how often it was true, and of
    how many; empty bins are NaN."""

    confidence: np.ndarray
    frequency: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini et al. 2015), 0 to 1."""
        filled = self.count > 0
        gaps = np.abs(self.confidence[filled] - self.frequency[filled])
        return float((gaps * self.count[filled]).sum() / max(1, self.count.sum()))


def calibration(probabilities: np.ndarray, truth: np.ndarray, bins: int = 20) -> Calibration:
    """Arrays of one shape: probabilities in [0, 1], and bool."""
    values, right = probabilities.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    place = np.minimum((values * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, values, bins) / count
        frequency = np.bincount(place, right, bins) / count
    return Calibration(confidence, frequency, count)


def aligned(probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(frames, slots) and (frames, speakers): the probabilities of all slots, and the truth in the slots' order (nobody
    speaks in a slot that no speaker was given)."""
    length = min(len(probabilities), len(truth))
    probabilities, truth = probabilities[:length], truth[:length]
    ordered = np.zeros(probabilities.shape, bool)
    for row, column in assignment(truth, probabilities):
        ordered[:, column] = truth[:, row]
    return probabilities, ordered
