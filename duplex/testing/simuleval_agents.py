"""Duplex as agents of SimulEval (Ma et al. 2020), the field's tool for simultaneous translation; extra: evaluate.

    simuleval --agent-class duplex.testing.simuleval_agents.TextAgent --source en.txt --target de.txt --policy wait-k:3
    simuleval --agent-class duplex.testing.simuleval_agents.SpeechAgent --source recordings.txt --target de.txt
        --source-segment-size 320 --policy alignatt:2 --computation-aware

Both take --source-language and --target-language, --translator, and any --policy that takes no word back: SimulEval
knows no revisions. SpeechAgent takes --recognizer, and recordings of 16 kHz. With --computation-aware all of
SimulEval 1.1.4's delays are aware of computing; score the same --output again without it for the others.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

import numpy as np
from simuleval.agents import SpeechToTextAgent, TextToTextAgent
from simuleval.agents.actions import Action, ReadAction, WriteAction

from duplex.conversation.captions.track import check_pair
from duplex.models.asr import load_recognizer
from duplex.models.translation import load_translator
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.errors import InputError, SettingsError
from duplex.streaming.pipeline import StageRunner
from duplex.streaming.policies.named import NAMES
from duplex.testing.simultaneous import SpeechTranslation, TextTranslation


class _Options:
    """What both agents share: their options, a translator, and words written only once.

    Raises SettingsError for a policy that revises or does not exist, and for a pair that the translator lacks;
    ModelError if the translator cannot be had.
    """

    def __init__(self, args: Namespace) -> None:
        source, target = args.source_language, args.target_language
        translator = load_translator(args.translator, source, target)
        check_pair(translator, source, target)
        self._options = translator, source, target, args.policy
        if TextTranslation(*self._options).revises:
            raise SettingsError(
                f"SimulEval knows no revisions: {args.policy} takes words back, choose another --policy"
            )
        self._written = 0
        super().__init__(args)

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        """See GenericAgent of SimulEval."""
        parser.add_argument("--source-language", default="en", help="two letters (default: en)")
        parser.add_argument("--target-language", default="de", help="two letters (default: de)")
        parser.add_argument("--translator", default="auto", help="as the setting of that name (default: auto)")
        kinds = ", ".join(name for name in NAMES if name != "retranslate")
        parser.add_argument("--policy", default="wait-k:3", help=f"{kinds}, with :NUMBER (default: wait-k:3)")

    def write(self, words: tuple[str, ...], finished: bool) -> Action:
        """What is new of a translation."""
        new, self._written = words[self._written :], len(words)
        return WriteAction(" ".join(new), finished) if new or finished else ReadAction()


class TextAgent(_Options, TextToTextAgent):  # type: ignore[misc]
    """Words in, words out."""

    def reset(self) -> None:
        """See GenericAgent of SimulEval."""
        super().reset()
        self._written = 0
        self._text = TextTranslation(*self._options)

    def policy(self) -> Action:
        """See GenericAgent of SimulEval."""
        words, finished = self.states.source, self.states.source_finished
        return self.write(self._text.read(words, finished) if words else (), finished)


class SpeechAgent(_Options, SpeechToTextAgent):  # type: ignore[misc]
    """Samples in, words out. Raises InputError at another rate than 16 kHz, ModelError for a recognizer that cannot be
    had."""

    def __init__(self, args: Namespace) -> None:
        self._recognizer = load_recognizer(args.recognizer, language=args.source_language)
        super().__init__(args)

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        """See GenericAgent of SimulEval."""
        _Options.add_args(parser)
        parser.add_argument("--recognizer", default="auto", help="as the setting of that name (default: auto)")

    def reset(self) -> None:
        """See GenericAgent of SimulEval."""
        super().reset()
        self._written = self._heard = 0
        self._speech = SpeechTranslation(*self._options)
        self._runner: StageRunner[Any] = StageRunner(self._recognizer)

    def policy(self) -> Action:
        """See GenericAgent of SimulEval."""
        states = self.states
        if states.source and states.source_sample_rate != SAMPLE_RATE:
            raise InputError(f"SpeechAgent hears {SAMPLE_RATE} Hz, not {states.source_sample_rate}: resample first")
        new = np.array(states.source[self._heard :], np.float32)
        heard = self._runner.push(AudioChunk(self._heard, new)) if len(new) else []
        self._heard += len(new)
        if states.source_finished:
            heard += self._runner.flush()
        for timed in heard:
            if timed.out is not None:
                self._speech.hear(timed.out, self._heard)
        return self.write(self._speech.words, states.source_finished)

    def close(self) -> None:
        """Ends what the recognizer runs in."""
        self._recognizer.close()
