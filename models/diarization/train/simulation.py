"""Simulated conversations: planned turns, spoken by real voices in rooms, with noise and music, over telephones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.corpora.degradations import band_limit, clip, coloured_noise, equalise, fft_convolve, rms, speed
from duplex.models.corpora.rooms import on_the_way
from duplex.models.diarization.config import SAMPLE_RATE
from duplex.models.diarization.contract import Turn
from duplex.models.diarization.train.conversation_plans import PlannedTurn, plan
from duplex.models.diarization.train.speaker_corpus import LABEL_HOP, Voice, Voices, runs

FADE = 80


@dataclass(frozen=True)
class Conversation:
    """samples: (n,) float32 at 16 kHz. turns: of speech, by start. activity: (n // 160, speakers) bool, every 10 ms.

    identities: (speakers,) numbers of the voices, the same in every conversation of a split.
    """

    samples: np.ndarray
    turns: list[Turn]
    activity: np.ndarray
    identities: np.ndarray


def simulate(
    rng: np.random.Generator, voices: Voices, speakers: int, seconds: float, calls: Path | None = None
) -> Conversation:
    """One conversation of exactly this length; all randomness comes from `rng`."""
    length = round(seconds * SAMPLE_RATE)
    drawn = voices.draw(rng, speakers)
    turns = plan(rng, speakers, seconds, calls)
    activity = np.zeros((length // LABEL_HOP, speakers), bool)
    mix = np.zeros(length, np.float32)
    rooms = _rooms(rng, voices, speakers)
    for number, voice in enumerate(drawn):
        track = _speak(voice, [turn for turn in turns if turn.speaker == number], length, activity[:, number])
        mix += _heard(rng, track, None if rooms is None else rooms[number], voices)
    if rng.random() < 0.2:
        _hush(rng, mix, activity)
    if rng.random() < 0.85:
        mix = _add_noise(rng, mix, activity.any(1), voices)
    return Conversation(
        _record(rng, mix),
        turns_of(activity),
        activity,
        np.array([voice.identity for voice in drawn]),
    )


def turns_of(activity: np.ndarray) -> list[Turn]:
    """Turns of speech in (frames of 10 ms, speakers) bool, named speaker 1, … by column."""
    found = []
    for number in range(activity.shape[1]):
        for start, end in runs(activity[:, number]):
            found.append(Turn(start / 100, end / 100, f"speaker {number + 1}"))
    return sorted(found, key=lambda turn: (turn.start, turn.speaker))


def _speak(voice: Voice, turns: list[PlannedTurn], length: int, activity: np.ndarray) -> np.ndarray:
    """The voice's own track, dry; its activity is written into (frames,) bool."""
    track = np.zeros(length, np.float32)
    ramp = np.linspace(0, 1, FADE, dtype=np.float32)
    for turn in turns:
        first = round(turn.start * 100)
        frames = min(round(turn.length * 100), len(activity) - first)
        if frames < 10:
            continue
        sound, speaking = voice.take(frames * LABEL_HOP)
        sound[:FADE] *= ramp
        sound[-FADE:] *= ramp[::-1]
        track[first * LABEL_HOP : first * LABEL_HOP + len(sound)] += sound
        activity[first : first + len(speaking)] |= speaking
    return track


def _heard(rng: np.random.Generator, track: np.ndarray, room: np.ndarray | None, voices: Voices) -> np.ndarray:
    """A voice's track as the microphone gets it. Some voices change their sound within the conversation: they turn
    away, walk, or take another microphone."""
    first = _placed(rng, track, room)
    if rng.random() >= 0.35:
        return first
    other = voices.rooms[int(rng.integers(len(voices.rooms)))] if room is not None else None
    second = _placed(rng, track, other)
    there = on_the_way(len(track), rng)
    return first + (second - first) * there


def _placed(rng: np.random.Generator, track: np.ndarray, room: np.ndarray | None) -> np.ndarray:
    if rng.random() < 0.5:
        track = equalise(track, rng, spread=float(rng.uniform(1, 5)))
    if room is not None:
        track = fft_convolve(track, room)
    return track * np.float32(10 ** (np.clip(rng.normal(0, 4), -9, 9) / 20))


def _hush(rng: np.random.Generator, mix: np.ndarray, activity: np.ndarray) -> None:
    """A stretch in which nobody speaks, though noise or music goes on; in place. Everybody still has a turn."""
    frames = len(activity)
    length = round(float(rng.uniform(0.1, 0.4)) * frames)
    first = int(rng.integers(frames - length + 1))
    left = activity.copy()
    left[first : first + length] = False
    if left.any(0).all():
        activity[:] = left
        mix[first * LABEL_HOP : (first + length) * LABEL_HOP] = 0


def _rooms(rng: np.random.Generator, voices: Voices, speakers: int) -> np.ndarray | None:
    """A response for each speaker, of like decay, as from places in one room; None for close microphones."""
    if rng.random() < 0.35 or len(voices.rooms) < speakers:
        return None
    width = min(len(voices.rooms), max(speakers, 24))
    first = int(rng.integers(len(voices.rooms) - width + 1))
    return voices.rooms[first + rng.choice(width, speakers, replace=False)]


def _add_noise(rng: np.random.Generator, mix: np.ndarray, active: np.ndarray, voices: Voices) -> np.ndarray:
    noise = np.zeros_like(mix)
    for _ in range(int(rng.choice([1, 2], p=[0.6, 0.4]))):
        kind = rng.random()
        if kind < 0.3 and voices.music:
            part = _lasting(rng, voices.music, len(mix))
        elif kind < 0.55 or not voices.noises:
            part = coloured_noise(len(mix), rng)
        else:
            part = _lasting(rng, voices.noises, len(mix))
        noise += part * np.float32(10 ** (rng.uniform(-10, 0) / 20) / max(rms(part), 1e-5))
    speech = mix[np.repeat(active, LABEL_HOP)[: len(mix)]] if active.any() else mix
    level = max(rms(speech), 1e-4) * 10 ** (-rng.uniform(0, 35) / 20)
    return mix + noise * np.float32(level / max(rms(noise), 1e-5))


def _lasting(rng: np.random.Generator, noises: list[np.ndarray], length: int) -> np.ndarray:
    """One noise, repeated, or single events with silence between."""
    part = noises[int(rng.integers(len(noises)))].astype(np.float32) / 32768.0
    part = speed(part, float(rng.uniform(0.8, 1.25)))
    if rng.random() < 0.5:
        return np.resize(np.roll(part, int(rng.integers(len(part)))), length)
    out = np.zeros(length, np.float32)
    at = int(rng.exponential(5 * SAMPLE_RATE))
    while at < length:
        event = part[: length - at]
        out[at : at + len(event)] += event
        at += len(part) + int(rng.exponential(10 * SAMPLE_RATE))
    return out


def _record(rng: np.random.Generator, mix: np.ndarray) -> np.ndarray:
    """What the microphone and the line make of it."""
    if rng.random() < 0.2:
        mix = band_limit(mix, rng)
    if rng.random() < 0.1:
        mix = clip(mix, rng)
    loudest = rng.uniform(-50, -28) if rng.random() < 0.15 else rng.uniform(-28, -1)
    return (mix * np.float32(10 ** (loudest / 20) / max(float(np.abs(mix).max()), 1e-3))).astype(np.float32)
