"""The caption track of a session: what the parties say, translated while they say it, for listeners of any language."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from duplex import events as ev
from duplex.conversation.captions.segments import CaptionSegmenter, Segment, Segmenter
from duplex.conversation.captions.truncation_segments import TruncationSegmenter
from duplex.models.asr.contract import Hypothesis
from duplex.models.language_tags import primary
from duplex.models.translation.contract import Translation, Translator
from duplex.streaming.errors import SettingsError
from duplex.streaming.pipeline import Node
from duplex.streaming.policies.named import NamedPolicy
from duplex.streaming.policies.retranslation import erased
from duplex.streaming.policies.simultaneous import Policy
from duplex.streaming.pool import Steps

WAITING = 32
"""Segments that may wait for the translator; of more, the oldest is given up, and marked as not translated."""
STEP_LIMIT = 20.0
"""Seconds after which a translation counts as stalled."""

MOST_NAMED = 6
"""Pairs that are named in a message."""


@dataclass(slots=True)
class _Shown:
    """What the listeners of one language have seen of a segment."""

    policy: Policy
    words: tuple[str, ...] = ()
    revision: int = 0


@dataclass(slots=True)
class _Waiting:
    """Segments whose newest state is to be translated, in the order in which they began."""

    segments: dict[int, Segment] = field(default_factory=dict)

    def put(self, segment: Segment) -> Segment | None:
        """A newer state takes the place of one that waits. Returns what had to be given up."""
        self.segments[segment.id] = segment
        return self.segments.pop(min(self.segments)) if len(self.segments) > WAITING else None

    def take(self) -> Segment:
        """The oldest."""
        return self.segments.pop(min(self.segments))


class CaptionTrack:
    """Translates segments on the pool. What waits is bounded, and only the newest state of a segment is translated.

    language: spoken by the parties, two letters. spoken: languages of parties that speak another, as they are now.
    emit: takes the `Translation` events. policy: decides what is shown of a segment that goes on, and, if it cuts,
    where segments end. `node` has to be in the pipeline, behind the recognizers.
    """

    def __init__(
        self,
        translator: Translator,
        steps: Steps,
        emit: Callable[[ev.Event], None],
        language: str,
        policy: str = "retranslate",
        spoken: Mapping[str, str] | None = None,
    ) -> None:
        self.translator = translator
        self.node: Node[None] = Node(
            "translate", self._work, finish=self._finish, capacity=1, policy="latest", capability="translation"
        )
        self._steps = steps
        self._emit = emit
        self._language = primary(language)
        self._policy = NamedPolicy.parse(policy)
        self._spoken: Mapping[str, str] = {} if spoken is None else spoken
        self._listeners: dict[str, str] = {}
        self._numbers = itertools.count()
        self._segmenters: dict[str, Segmenter] = {}
        self._waiting = _Waiting()
        self._shown: dict[tuple[int, str], _Shown] = {}

    def wanted(self, party: str) -> tuple[str, ...]:
        """Languages in which somebody wants what a party says, the one that it speaks left out."""
        return self._wanted(self._source(party))

    @property
    def busy(self) -> bool:
        """Whether a segment waits or is being translated."""
        return bool(self._waiting.segments) or not self.node.idle

    def listen(self, listener: str, language: str) -> None:
        """This listener reads captions in this language from now on; empty: none. Raises SettingsError for a pair
        that the translator does not have."""
        language = primary(language)
        if language and language != self._language:
            check_pair(self.translator, self._language, language)
        if language:
            self._listeners[listener] = language
        else:
            self._listeners.pop(listener, None)

    def hear(self, party: str, base: int, hypothesis: Hypothesis, speakers: Sequence[str] = ()) -> None:
        """What a party seems to say. base: sample from which the times of the words count."""
        segmenter = self._segmenters.get(party)
        if segmenter is None:
            segmenter = self._segmenters[party] = segmenter_of(self._policy, party, self._numbers)
        if segmenter.language != (language := self._source(party)):
            self._put(segmenter.finish())  # what was said in another language is another sentence
            segmenter.language = language
        self._put(segmenter.hear(base, hypothesis, speakers))

    def tick(self, now: int, speaking: Callable[[str], bool]) -> None:
        """Time has passed: the last sentence of those who are not `speaking` is over after a while."""
        for party, segmenter in self._segmenters.items():
            self._put(segmenter.tick(now, speaking(party)))

    def _wanted(self, spoken: str) -> tuple[str, ...]:
        return tuple(sorted(set(self._listeners.values()) - {spoken}))

    def _source(self, party: str) -> str:
        """The language that a party speaks."""
        return self._spoken.get(party, self._language)

    def _put(self, segments: Sequence[Segment]) -> None:
        segments = [segment for segment in segments if self._wanted(segment.language)]
        if not segments:
            return
        for segment in segments:
            if (late := self._waiting.put(segment)) is not None and late.closed:
                self._give_up(late)
        if not len(self.node.queue):
            self.node.put(None)

    async def _work(self, _: None) -> None:
        """A segment that fails is marked and does not cost the others; the first failure is reported."""
        failure: Exception | None = None
        while self._waiting.segments:
            segment = self._waiting.take()
            for language in self._wanted(segment.language):
                try:
                    await self._translate(segment, language)
                except Exception as error:
                    failure = failure or error
                    if segment.closed:
                        self._give_up(segment, language)
        if failure is not None:
            raise failure

    async def _finish(self) -> None:
        for segmenter in self._segmenters.values():
            for segment in segmenter.finish():
                self._waiting.put(segment)
        await self._work(None)

    async def _translate(self, segment: Segment, language: str) -> None:
        shown = self._shown.setdefault((segment.id, language), _Shown(self._policy.policy()))
        source = segment.source
        found: Translation | None = None
        written = None
        while (wanted := shown.policy.read(source, segment.closed)) is not None:
            found = await self._steps.run(
                "translate",
                self.translator.translate,
                " ".join(wanted.source),
                segment.language,
                language,
                wanted.partial,
                " ".join(wanted.begin),
                " ".join(wanted.draft),
                limit=STEP_LIMIT,
            )
            written = shown.policy.write(found.text.split(), found.alignment)
        if written is not None and found is not None:
            self._show(segment, language, found, written.words, written.stable)
        elif segment.closed:
            self._show(segment, language, None, shown.words if source else (), len(shown.words))

    def _give_up(self, segment: Segment, only: str = "") -> None:
        """A segment that was not translated is shown as it was said, and marked."""
        for language in (only,) if only else self._wanted(segment.language):
            found = Translation(segment.text, segment.language, language, quality=0.0, hopeless=True)
            self._show(segment, language, found, tuple(segment.text.split()), 0)

    def _show(
        self, segment: Segment, language: str, found: Translation | None, words: tuple[str, ...], stable: int
    ) -> None:
        """A revision, if there is anything new to see in it."""
        shown = self._shown.setdefault((segment.id, language), _Shown(self._policy.policy()))
        if words == shown.words and not segment.closed:
            return
        if not words and not shown.revision:
            self._shown.pop((segment.id, language))  # nobody has seen anything of it
            return
        first, last = (segment.words[0], segment.words[-1]) if segment.words else (None, None)
        shown.revision += 1
        self._emit(
            ev.Translation(
                first.start if first else 0,
                last.end if last else 0,
                segment.party,
                segment.id,
                language,
                " ".join(words),
                segment.text,
                found.source if found else segment.language,
                shown.revision,
                len(" ".join(words[: len(words) if segment.closed else stable])),
                erased(shown.words, words),
                segment.closed,
                round(found.quality * segment.confidence, 3) if found else 1.0,
                # Of what is still being said the quality comes and goes, and a caption that did so could not be read.
                segment.closed and found is not None and (found.hopeless or not segment.understood),
                (first.id, last.id) if first and last else (0, -1),
                segment.speaker,
            )
        )
        shown.words = words
        if segment.closed:
            for key in [key for key in self._shown if key[0] == segment.id and key[1] == language]:
                del self._shown[key]


def segmenter_of(policy: NamedPolicy, party: str, numbers: Iterator[int] | None = None) -> Segmenter:
    """What cuts the words of a party under a policy. numbers: see Segmenter."""
    return (TruncationSegmenter if policy.cuts else CaptionSegmenter)(party, numbers)


def check_pair(translator: Translator, source: str, target: str) -> None:
    """Raises SettingsError, in one line, for a pair that the translator says it does not have."""
    if translator.pairs and (source, target) not in translator.pairs:
        few = sorted(f"{a}-{b}" for a, b in translator.pairs) if len(translator.pairs) <= MOST_NAMED else []
        only = f", only {', '.join(few)}" if few else ""
        raise SettingsError(
            f"{translator.name} has no {source}-{target}{only}; name another one with --translator: a translation "
            "model of transformers by its id or folder, or an OpenAI-compatible server"
        )
