"""The input buffer: a client's sound, as it comes, on its way to the session at the pace of the clock."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable

import numpy as np

from duplex.conversation.session import Session
from duplex.serving.realtime.audio_formats import AudioFormat
from duplex.serving.realtime.manual_turns import ManualTurn
from duplex.serving.realtime.wire import ClientError
from duplex.serving.rooms.session_keeper import SessionKeeper
from duplex.streaming.audio import FRAME, SAMPLE_RATE, as_float32
from duplex.streaming.clock import Clock
from duplex.streaming.resample import StreamResampler

PATIENCE = 0.3
"""Seconds without sound from the client after which the session hears silence, so that its time goes on."""

LONGEST = 120.0
"""Seconds of sound that may wait, from a client that sends faster than it is spoken."""

ELSEWHERE = 32_768
"""Characters of base64 from which sound is read on another thread."""

MOST_FRAMES = 50
"""That are given to the session at once: after a stall, or a clock that has jumped, it catches up in steps of this, and
what else goes on has its turn between them."""

PIECE = 12_000
"""Samples that are resampled at once: the filter's windows of a minute would take a gigabyte."""


class InputAudio:
    """Sound of any pace in; frames of 20 ms out, each when it is due. Times of the client count only what it sent.

    keeper: is told of every frame."""

    def __init__(self, format: AudioFormat, clock: Clock, keeper: SessionKeeper) -> None:
        self.by_hand: Callable[[], ManualTurn] | None = None
        """The turn that takes the sound, where the client says when one ends; None: the session hears it."""
        self._clock = clock
        self._keeper = keeper
        self._session: Session | None = None
        self._began = 0.0
        self._fed = 0
        self._dry = 0.0
        self._waiting = np.zeros(0, np.float32)
        self._aside = np.zeros(0, np.float32)
        """Of the turn by hand, what is still to be kept, at the pace of the clock."""
        self._silences: list[tuple[int, int]] = [(0, 0)]
        """(sample of the session, samples of silence before it that the client has not sent)."""
        self._sent_before = 0
        self.set_format(format)

    def set_format(self, format: AudioFormat) -> None:
        self._format = format
        self._resampler = StreamResampler(format.rate, SAMPLE_RATE)

    @property
    def waiting(self) -> float:
        """Seconds that the session has not been given yet."""
        return len(self._waiting) / SAMPLE_RATE

    async def append(self, audio: object) -> None:
        """audio: base64. Raises ClientError if it is unusable, or too much waits; the buffer is then as it was."""
        if isinstance(audio, str) and len(audio) > ELSEWHERE:
            heard = await asyncio.to_thread(self._read, audio)
        else:
            heard = self._read(audio)
        self.hear(heard)

    def hear(self, samples: np.ndarray) -> None:
        """(n,) float32 at 16 kHz; of a turn that nobody ends, no more than LONGEST seconds."""
        if self.by_hand is not None:
            turn = self.by_hand()
            if turn.seconds < LONGEST:
                if not turn.heard:
                    turn.start = self._keeper.at(self._fed + len(self._aside))
                turn.append(samples)
                if len(self._aside) < LONGEST * SAMPLE_RATE:
                    self._aside = np.concatenate([self._aside, samples])
            self._sent_before += len(samples)
        else:
            self._waiting = np.concatenate([self._waiting, samples])

    def _read(self, audio: object) -> np.ndarray:
        samples = self._format.decode(audio)
        held = self.waiting if self.by_hand is None else self.by_hand().seconds
        if held + len(samples) / self._format.rate > LONGEST:
            raise ClientError(
                f"audio: more than {LONGEST:g} s wait to be heard: send it as it is spoken",
                "input_audio_buffer_full",
                "audio",
            )
        pieces = [samples[at : at + PIECE] for at in range(0, len(samples), PIECE)]
        return np.concatenate([np.zeros(0, np.float32), *(self._resampler.push(as_float32(each)) for each in pieces)])

    def clear(self) -> None:
        """Drop what the session has not been given yet."""
        self._sent_before += len(self._waiting)
        self._waiting = self._aside = np.zeros(0, np.float32)

    def attach(self, session: Session) -> None:
        """Feed this session from now on."""
        silence = self._silences[-1][1]
        self._sent_before += self._fed - silence
        self._session, self._fed, self._silences = session, 0, [(0, 0)]
        self._began = self._dry = self._clock.now()

    def detach(self) -> None:
        self._session = None

    def milliseconds(self, sample: int) -> int:
        """A sample of the session's clock as a time in the sound that the client has sent."""
        place = bisect_right(self._silences, (sample, 1 << 62)) - 1
        silence = self._silences[max(place, 0)][1]
        return round(1000 * max(0, self._sent_before + sample - silence) / SAMPLE_RATE)

    async def keep_pace(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await self._clock.sleep_until(self._clock.now() + FRAME / SAMPLE_RATE)
            self._advance()

    def _advance(self) -> None:
        now = self._clock.now()
        due = round((now - self._began) * SAMPLE_RATE)
        due = min(due, self._fed + MOST_FRAMES * FRAME)
        while self._session is not None and self._fed + FRAME <= due:
            if len(self._waiting) >= FRAME:
                frame, self._waiting = self._waiting[:FRAME], self._waiting[FRAME:]
                self._dry = now
            elif now - self._dry >= PATIENCE:
                frame = np.zeros(FRAME, np.float32)
                frame[: len(self._waiting)] = self._waiting
                missing = FRAME - len(self._waiting)
                self._silences.append((self._fed + len(self._waiting), self._silences[-1][1] + missing))
                del self._silences[:-4096]
                self._waiting = self._waiting[:0]
            else:
                return
            self._fed += FRAME
            self._keeper.fed(self._fed, self._set_aside())
            self._session.feed(frame)

    def _set_aside(self) -> np.ndarray | None:
        """A frame of what the session is not told, if there is any."""
        said, self._aside = self._aside[:FRAME], self._aside[FRAME:]
        return np.pad(said, (0, FRAME - len(said))) if len(said) else None
