"""The interpreter's voice in one language: sentences become speech as they come, and are played at the clock's pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from duplex import events as ev
from duplex.conversation.interpreting.interpreter import Interpreter, Rendition
from duplex.models.language_tags import primary
from duplex.models.tts import SpeechStream
from duplex.models.tts.contract import Synthesizer, Voice
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import SettingsError
from duplex.streaming.pipeline import reason_of
from duplex.streaming.pool import Steps
from duplex.streaming.resample import StreamResampler

STEP_LIMIT = 20.0
"""Seconds after which the synthesizer's next chunk counts as never to come."""

AHEAD = round(0.15 * SAMPLE_RATE)
"""Samples still to be played when the next sentence is taken: time to begin it without a gap."""


def voice_of(synthesizer: Synthesizer, voice: Voice, language: str) -> Voice:
    """The voice to interpret with: the named one if it speaks the language, else the language's own.

    Raises SettingsError where the synthesizer says that it does not speak the language.
    """
    known = {primary(tag) for tag in getattr(synthesizer, "languages", ())}
    if known and language not in known:
        raise SettingsError(
            f"the interpreter cannot speak {language!r}: {synthesizer.name} speaks {', '.join(sorted(known)[:8])}; "
            "choose another --synthesizer, such as espeak"
        )
    asked = replace(voice, language=language)
    language_of = getattr(synthesizer, "language_of", None)
    speaks = language_of(asked) if voice.name and language_of is not None else language
    return asked if primary(speaks) == language else replace(asked, name="")


def speech(synthesizer: Synthesizer, text: str, voice: Voice) -> Iterator[np.ndarray]:
    """A sentence in pieces, (n,) float32 at 16 kHz, with the pause behind it. Raises what the synthesizer raises."""
    resampler = StreamResampler(synthesizer.sample_rate, SAMPLE_RATE)
    with closing(SpeechStream(synthesizer.synthesize(f"{text.strip()} ", voice))) as chunks:
        for chunk in chunks:
            yield resampler.push(chunk.samples)
    yield resampler.flush()


@dataclass(slots=True)
class _Saying:
    """A sentence in the buffer. made: samples of it so far; whole: no more will come."""

    rendition: Rendition
    rate: float
    made: int = 0
    played: int = 0
    started: int | None = None
    whole: bool = False


class InterpretingVoice:
    """`hear` takes translations, `run` makes speech of them, `read` plays it. Each that is to be said has its
    `Interpreted` event, whether it was said or left out.

    now: the sample that is played next. lost: is told of the first sentence of a row that cannot be made.
    """

    def __init__(
        self,
        language: str,
        synthesizer: Synthesizer,
        voice: Voice,
        steps: Steps,
        now: Callable[[], int],
        emit: Callable[[ev.Event], None],
        lost: Callable[[str, str], None],
        limit: float,
    ) -> None:
        self.language = language
        self._synthesizer = synthesizer
        self._voice = voice
        self._steps = steps
        self._now = now
        self._emit = emit
        self._lost = lost
        self._interpreter = Interpreter(limit, given_up=lambda late: self._leave_out(late, "late"))
        self._buffer: deque[np.ndarray] = deque()
        self._buffered = 0
        self._sayings: deque[_Saying] = deque()
        self._wake = asyncio.Event()
        self._working = False
        self._failing = False

    @property
    def busy(self) -> bool:
        """Whether something is being said or waits."""
        return self._working or bool(len(self._interpreter) or self._sayings)

    def hear(self, caption: ev.Translation) -> None:
        """A translation. To be said is what is final, and was not said in this language already."""
        spoken = caption.text.strip()
        if not caption.final or caption.source_language == self.language or not caption.source.strip():
            return
        rendition = Rendition(caption.caption, caption.party, spoken, caption.start, caption.end, self._now())
        if caption.hopeless or not spoken:
            self._leave_out(rendition, "hopeless")
        else:
            self._interpreter.hear(rendition)
            self._wake.set()

    def close(self) -> None:
        """Nothing more is said: what waits is left out, and what is being said ends here."""
        for saying in tuple(self._sayings):
            self._over(saying, self._now(), "over")
        for rendition in self._interpreter.clear():
            self._leave_out(rendition, "over")

    async def run(self) -> None:
        """Task: one sentence after the other, each taken when the one before is nearly over."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._buffered <= AHEAD and (next_one := self._interpreter.take(self._now())) is not None:
                self._working = True
                try:
                    await self._say(*next_one)
                finally:
                    self._working = False

    def read(self, at: int, count: int) -> np.ndarray | None:
        """The next `count` samples, which are heard at `at`; None: silence."""
        if not self._buffered:
            return None
        out = np.zeros(count, np.float32)
        filled = 0
        while filled < count and self._buffer:
            piece = self._buffer.popleft()
            if len(piece) > count - filled:
                self._buffer.appendleft(piece[count - filled :])
                piece = piece[: count - filled]
            out[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._buffered -= filled
        self._account(at, filled)
        if self._buffered <= AHEAD:
            self._wake.set()
        return out

    async def _say(self, rendition: Rendition, rate: float) -> None:
        saying = _Saying(rendition, rate)
        self._sayings.append(saying)
        pieces = speech(self._synthesizer, rendition.text, replace(self._voice, rate=self._voice.rate * rate))
        try:
            while (piece := await self._steps.run("speak", next, pieces, None, limit=STEP_LIMIT)) is not None:
                if len(piece):
                    self._buffer.append(piece)
                    self._buffered += len(piece)
                    saying.made += len(piece)
            self._failing = False
        except Exception as error:
            if not self._failing:
                self._failing = True
                self._lost("interpreting", reason_of(error))
        saying.whole = True
        self._interpreter.spoke(rendition.text, saying.made, rate)
        if saying.played >= saying.made:
            self._over(saying, self._now(), "failed")

    def _account(self, at: int, count: int) -> None:
        """So many samples have been played from `at` on: whose were they?"""
        while count and self._sayings:
            saying = self._sayings[0]
            if saying.started is None:
                saying.started = at
            taken = min(count, saying.made - saying.played)
            saying.played += taken
            count, at = count - taken, at + taken
            if saying.played < saying.made or not saying.whole:
                return
            self._over(saying, at, "failed")

    def _over(self, saying: _Saying, at: int, reason: str) -> None:
        """All of a sentence has been said, or nothing of it, for this reason."""
        self._sayings.remove(saying)
        if saying.started is not None:
            self._tell(saying.rendition, saying.started, at, saying.rate)
        else:
            self._leave_out(saying.rendition, reason)

    def _leave_out(self, rendition: Rendition, reason: str) -> None:
        self._tell(rendition, self._now(), self._now(), 0.0, reason)

    def _tell(self, rendition: Rendition, start: int, end: int, rate: float, left_out: str = "") -> None:
        behind = round((start - rendition.end) / SAMPLE_RATE, 3)
        self._emit(
            ev.Interpreted(
                start,
                end,
                rendition.party,
                rendition.caption,
                self.language,
                rendition.text,
                behind,
                round(rate, 2),
                bool(left_out),
                left_out,
            )
        )
