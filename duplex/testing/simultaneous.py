"""Simultaneous translation step by step, outside a session: what stands there after each word or each hypothesis."""

from __future__ import annotations

from collections.abc import Sequence

from duplex.conversation.captions.segments import CaptionSegmenter
from duplex.models.asr.contract import Hypothesis
from duplex.models.translation import Translator, translate_wanted
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.policies.named import NamedPolicy
from duplex.streaming.policies.simultaneous import Policy, advance
from duplex.streaming.policies.truncation import STEP, StreamUni


class TextTranslation:
    """A text that grows, and its translation. policy: as a user names it, such as "wait-k:3" (see NamedPolicy).

    Raises SettingsError for a policy that there is not.
    """

    def __init__(self, translator: Translator, source: str, target: str, policy: str = "retranslate") -> None:
        named = NamedPolicy.parse(policy)
        self._policy: Policy = StreamUni(k=named.parameter) if named.cuts else named.policy()
        self._translate = translate_wanted(translator, source, target)
        self.words: tuple[str, ...] = ()
        """Of the translation that is shown."""

    @property
    def revises(self) -> bool:
        """Whether words that are shown may be taken back."""
        return self._policy.revises

    def read(self, source: Sequence[str], final: bool = False) -> tuple[str, ...]:
        """source: all words so far. Returns `words`."""
        written = advance(self._policy, source, final, self._translate)
        if written is not None:
            self.words = written.words
        return self.words


class SpeechTranslation:
    """The hypotheses of a recognizer about one recording, and its translation, in segments as captions have them.

    Each segment has a policy of its own, but for StreamUni, which looks at the whole at its own steps and finds its
    segments itself. Raises as TextTranslation.
    """

    def __init__(self, translator: Translator, source: str, target: str, policy: str = "retranslate") -> None:
        self._options = translator, source, target, policy
        self._cuts = NamedPolicy.parse(policy).cuts
        self._due = 0
        """Sample of the next step of a policy that cuts."""
        self._segmenter = CaptionSegmenter("user")
        self._segments: dict[int, TextTranslation] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """Of the translation that is shown."""
        return tuple(word for _, segment in sorted(self._segments.items()) for word in segment.words)

    def hear(self, hypothesis: Hypothesis, at: int) -> tuple[str, ...]:
        """hypothesis: about all that was heard, up to sample `at`; with a final one all is over. Returns `words`."""
        if self._cuts:
            if at >= self._due or hypothesis.final:
                self._due = at + round(STEP * SAMPLE_RATE)
                self._read(0, [word.text for word in hypothesis.words], hypothesis.final)
            return self.words
        changed = self._segmenter.hear(0, hypothesis) + (self._segmenter.finish() if hypothesis.final else [])
        for segment in {each.id: each for each in changed}.values():  # the newest state of each
            self._read(segment.id, segment.source, segment.closed)
        return self.words

    def _read(self, number: int, source: Sequence[str], final: bool) -> None:
        if number not in self._segments:
            self._segments[number] = TextTranslation(*self._options)
        self._segments[number].read(source, final)
