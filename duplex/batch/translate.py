"""Translation of a recording: its words in sentences, and each sentence in another language."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from duplex.batch.file_graph import Progress
from duplex.batch.transcribe import Transcript, Word, transcribe
from duplex.batch.translate_by_ear import by_ear, translated_segments
from duplex.conversation.captions.segments import Segment, Segmenter
from duplex.conversation.captions.track import check_pair, segmenter_of
from duplex.conversation.captions.truncation_segments import HOP
from duplex.models.asr.contract import Hypothesis
from duplex.models.asr.contract import Word as HeardWord
from duplex.models.language_tags import primary
from duplex.models.translation import Translation, Translator, load_translator
from duplex.session_record.log_records import SpokenTranslation
from duplex.session_record.subtitles import Caption
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import SettingsError
from duplex.streaming.policies.named import NamedPolicy
from duplex.streaming.policies.simultaneous import Policy, Wanted, advance

RETRANSLATE = NamedPolicy.parse("retranslate")
"""In a recording: each sentence once, when it is over."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence or clause and its translation; times in seconds of the recording.

    source_language: what it was said in, as far as the translator can tell; if that is the target language, `text` is
    what was said. quality: estimated chance that the text is usable. hopeless: better not shown as a translation.
    speaker: None where speakers were not told apart.
    """

    start: float
    end: float
    text: str
    source: str
    source_language: str
    party: str
    speaker: str | None
    quality: float
    hopeless: bool


class TranslatedLines(list[Line]):
    """The lines of a recording in order of time, in the language `target`; `notes` on what was odd about it."""

    def __init__(self, lines: Sequence[Line], target: str, notes: Sequence[str]) -> None:
        super().__init__(sorted(lines, key=lambda line: (line.start, line.end)))
        self.target = target
        self.notes = list(notes)
        hopeless = sum(line.hopeless for line in self)
        if hopeless:
            self.notes.append(
                f"{hopeless} of {len(self)} sentences could not be translated: they stand in brackets as they were said"
            )

    @property
    def text(self) -> str:
        return " ".join(caption.text for caption in self.captions())

    def captions(self, *, bilingual: bool = False) -> list[Caption]:
        """One for each line; a hopeless one is what was said, in brackets. bilingual: with the original below."""
        return [
            SpokenTranslation(
                line.start, line.end, line.party, line.speaker or "", self.target, line.text, line.source, line.hopeless
            ).caption(line.speaker or line.party, bilingual=bilingual)
            for line in self
        ]

    def as_dict(self) -> dict[str, Any]:
        return {
            "language": self.target,
            "text": self.text,
            "lines": [asdict(line) for line in self],
            "notes": self.notes,
        }


def translate(
    recording: str | os.PathLike[str],
    to: str,
    settings: Settings | None = None,
    *,
    translator: Translator | None = None,
    diarize: bool | None = None,
    max_speakers: int | None = None,
    latency: float | None = None,
    speakers: Mapping[str, str | os.PathLike[str]] | None = None,
    channels: str | int = "auto",
    on_progress: Progress | None = None,
) -> TranslatedLines:
    """What is said in a recording, sentence by sentence, in the language `to`.

    Args:
        to: a language, such as "de". translator: instead of the one that the settings name.
        The others are those of duplex.transcribe.

    Raises what duplex.transcribe raises, SettingsError for a pair that the translator lacks, and ModelError if the
    translator cannot be had. Under a policy that takes no word back (settings.translation_policy) the sentences are
    those that a listener would have read while they were spoken. Where the settings' translator is a speech language
    model it hears for itself (StreamUni), and tells no speakers apart.
    """
    settings = settings or Settings()
    source, target = primary(settings.language), primary(to)
    if not target:
        raise SettingsError("translate needs a language to translate to, such as de")
    if source == target:
        raise SettingsError(f"the recording's language is {source} already; --language says if it is another")
    if translator is None and by_ear(settings.translator):
        return _by_ear(recording, source, target, settings.translator, on_progress)
    translator = translator or load_translator(settings.translator, source, target)
    check_pair(translator, source, target)
    transcript = transcribe(
        recording,
        settings,
        diarize=diarize,
        max_speakers=max_speakers,
        latency=latency,
        speakers=speakers,
        channels=channels,
        on_progress=on_progress,
    )
    policy = NamedPolicy.parse(settings.translation_policy)
    return translate_transcript(transcript, translator, source, target, policy)


def _by_ear(
    recording: str | os.PathLike[str], source: str, target: str, model: str, on_progress: Progress | None
) -> TranslatedLines:
    """The segments of a model that hears for itself: it knows no speakers, and says not how sure it is."""
    found, notes = translated_segments(recording, target, model, on_progress)
    lines = [
        Line(one.start, one.end, " ".join(one.written) or said, said, source, "user", None, 1.0, not one.written)
        for one in found
        if (said := " ".join(one.said))
    ]
    return TranslatedLines(lines, target, notes)


def translate_transcript(
    transcript: Transcript,
    translator: Translator,
    source: str,
    target: str,
    policy: NamedPolicy = RETRANSLATE,
) -> TranslatedLines:
    """The same, of a transcript. Raises what the translator raises."""
    lines, unclear = [], 0
    for segment in segments(transcript.utterances, policy):
        found = _translated(segment.text, translator, source, target, policy.policy())
        start, end = segment.words[0].start / SAMPLE_RATE, segment.words[-1].end / SAMPLE_RATE
        speaker = segment.speaker or None
        quality, hopeless = round(found.quality * segment.confidence, 3), found.hopeless or not segment.understood
        text = segment.text if hopeless and not found.text else found.text
        lines.append(Line(start, end, text, segment.text, found.source, segment.party, speaker, quality, hopeless))
        unclear += not segment.understood
    notes = list(transcript.notes)
    if 2 * unclear > len(lines):
        notes.append(f"most of it was hardly understood: is it in {source}? --language names another language")
    return TranslatedLines(lines, target, notes)


def _translated(text: str, translator: Translator, source: str, target: str, policy: Policy) -> Translation:
    """A sentence; under a policy that does not revise, word by word, as the words come."""
    words = text.split()
    if policy.revises or not words:
        return translator.translate(text, source, target)
    found = []

    def translate(wanted: Wanted) -> tuple[list[str], tuple[int, ...]]:
        heard, begin = " ".join(wanted.source), " ".join(wanted.begin)
        found.append(translator.translate(heard, source, target, wanted.partial, begin))
        return found[-1].text.split(), found[-1].alignment

    for count in range(1, len(words)):
        advance(policy, words[:count], False, translate)
    written = advance(policy, words, True, translate)
    return replace(found[-1], text=" ".join(written.words) if written else found[-1].text)


def segments(utterances: Sequence[Sequence[Word]], policy: NamedPolicy = RETRANSLATE) -> list[Segment]:
    """The sentences of utterances, of each party for itself. A policy that cuts is given them word by word."""
    found: list[Segment] = []
    segmenters: dict[str, Segmenter] = {}
    for utterance in utterances:
        party = utterance[0].party
        segmenter = segmenters.setdefault(party, segmenter_of(policy, party))
        base = round(utterance[0].start * SAMPLE_RATE)
        heard = tuple(
            HeardWord(
                word.text,
                round(word.start * SAMPLE_RATE) - base,
                round(word.end * SAMPLE_RATE) - base,
                word.confidence,
            )
            for word in utterance
        )
        names = [word.speaker or "" for word in utterance]
        if policy.cuts:
            found += _quiet(segmenter, base)
            for count in range(1, len(heard)):
                found += segmenter.hear(base, Hypothesis(heard[:count], count), names[:count])
                found += segmenter.tick(base + heard[count - 1].end, True)
        found += segmenter.hear(base, Hypothesis(heard, len(heard), final=True), names)
    for segmenter in segmenters.values():
        found += segmenter.finish()
    return [segment for segment in found if segment.closed and segment.words]


def _quiet(segmenter: Segmenter, until: int) -> list[Segment]:
    """The party is silent up to sample `until`: as many steps as any segment needs to end."""
    steps = range(until - 3 * HOP, until + 1, HOP)
    return [segment for now in steps for segment in segmenter.tick(now, False)]
