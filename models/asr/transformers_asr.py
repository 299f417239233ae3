"""Speech recognizers of the `transformers` library, by Hugging Face id or folder: sequence-to-sequence and CTC.

Both stream by the policy of redecoding.py. What is cached is loaded without the network, and HF_HUB_OFFLINE is
honoured, by the library.
"""

from __future__ import annotations

import threading
from itertools import pairwise, takewhile
from typing import Any

import numpy as np

from duplex.models.asr.contract import Word
from duplex.models.asr.redecoding import Redecoding, RedecodingState
from duplex.models.asr.word_times import SPACELESS, Piece, words_by_length, words_of_pieces
from duplex.models.transformers_library import check_transformers, loading, on_device, place_of
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError, SettingsError, StageError, first_line
from duplex.streaming.policies.append_only import before_frontier
from duplex.streaming.policies.attention_frontier import AttentionFrontier
from duplex.streaming.policies.local_agreement import LocalAgreement

AGREEMENT, ALIGN_ATT = "local_agreement", "align_att"

_SHORTEST = 1600  # samples; convolutional front ends refuse less than their receptive field
_TOKENS_PER_SECOND = 13  # nobody speaks faster: this stops a model that repeats itself


class TransformersRecognizer(Redecoding):
    """What both kinds share: a network, its feature extractor and its tokeniser; one pass at a time.

    policy: interval, window, agree (see Redecoding).
    """

    def __init__(self, name: str, network: Any, extractor: Any, tokenizer: Any, **policy: Any) -> None:
        super().__init__(**policy)
        if extractor.sampling_rate != SAMPLE_RATE:
            raise ModelError(f"{name}: hears at {extractor.sampling_rate} Hz; choose a model for {SAMPLE_RATE} Hz")
        self.name = name
        self.languages: tuple[str, ...] | None = None
        self._network = network
        self._extractor = extractor
        self._tokenizer = tokenizer
        self._special = set(tokenizer.all_special_ids)
        self._lock = threading.Lock()  # generate() writes to the shared configuration

    def transcribe(self, samples: np.ndarray) -> list[Word]:
        """Raises StageError if the model fails."""
        return self._hear(samples)[0]

    def _hear(self, samples: np.ndarray) -> tuple[list[Word], int]:
        """The words, and how many of the last ones attend to the end of the sound; 0 where that is not looked at.

        Raises StageError if the model fails.
        """
        import torch

        try:
            with self._lock, torch.inference_mode():
                return self._recognize(np.pad(samples, (0, max(0, _SHORTEST - len(samples)))), len(samples))
        except (RuntimeError, ValueError, IndexError) as error:
            raise StageError(f"recognizer {self.name} failed: {first_line(error)}") from error

    def _features(self, samples: np.ndarray) -> dict[str, Any]:
        network = self._network
        features = self._extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt", return_attention_mask=True)
        return {
            key: value.to(network.device, network.dtype if value.is_floating_point() else None)
            for key, value in features.items()
        }

    def _recognize(self, samples: np.ndarray, length: int) -> tuple[list[Word], int]:
        raise NotImplementedError


class SpeechSeq2Seq(TransformersRecognizer):
    """Whisper and its kind (AutoModelForSpeechSeq2Seq).

    language: a code such as "de", for multilingual Whisper models; None: each pass detects it. task: "transcribe" or
    "translate" (into English). Word times come from the cross-attention where the model names its alignment heads
    (`times` is then "attention"). Otherwise (`times` is "interpolated") the audible part of the buffer is shared out
    by the words' lengths, which is right to about half a second.

    policy: what makes a word stable. "local_agreement" or "": passes agree on it. "align_att", for models that name
    their alignment heads: one pass has it, and no token up to its last one attends most to the last `hold` seconds of
    the sound (attention_frontier.py). settings: interval, window, agree.
    """

    def __init__(
        self,
        *loaded: Any,
        language: str | None = None,
        task: str = "transcribe",
        policy: str = "",
        hold: float = 0.5,
        **settings: Any,
    ) -> None:
        super().__init__(*loaded, **settings)
        generation, config = self._network.generation_config, self._network.config
        self._options: dict[str, Any] = {}
        if task not in ("transcribe", "translate"):
            raise SettingsError(f"recognizer task must be transcribe or translate, not {task!r}")
        if getattr(generation, "is_multilingual", False):
            known = {code.strip("<|>") for code in getattr(generation, "lang_to_id", {})}
            self.languages = tuple(sorted(known))
            language = language if language in (None, *known) else language.partition("-")[0].lower()
            if language is not None and language not in known:
                raise SettingsError(f"{self.name} does not know the language {language!r}, only {sorted(known)}")
            self._options = {"language": language, "task": task}
        elif (language or "en").partition("-")[0].lower() != "en" or task != "transcribe":
            raise SettingsError(f"{self.name} is not multilingual: leave its language and task as they are")
        # Greedy, with scores. Given to generate() instead, these make the library warn at every pass.
        generation.num_beams, generation.do_sample, generation.max_length = 1, False, None
        generation.return_dict_in_generate = generation.output_scores = True
        multilingual = getattr(generation, "is_multilingual", False)
        self.writes = language or "" if multilingual and task == "transcribe" else "en"
        self._spaceless = language in SPACELESS
        self.times = "attention" if getattr(generation, "alignment_heads", None) else "interpolated"
        if self.times == "attention":
            self._options["return_token_timestamps"] = True
        self._aligns = policy == ALIGN_ATT
        if self._aligns and self.times != "attention":
            raise SettingsError(f"{self.name} names no alignment heads, which {ALIGN_ATT} needs: use {AGREEMENT}")
        if not self._aligns and policy not in ("", AGREEMENT):
            raise SettingsError(f"recognizer policy must be {AGREEMENT} or {ALIGN_ATT}, not {policy!r}")
        if not 0.1 <= hold <= 5.0:
            raise SettingsError(f"recognizer hold must lie between 0.1 and 5 s, not {hold:g} s")
        self._hold = round(hold * SAMPLE_RATE)
        stamps = getattr(generation, "no_timestamps_token_id", None)
        self._text_tokens = len(self._tokenizer) if stamps is None else stamps
        longest = getattr(config, "max_target_positions", None) or getattr(config, "max_position_embeddings", 256)
        self._longest = longest - 8  # room for the tokens that begin every answer

    def _policy(self) -> LocalAgreement:
        return AttentionFrontier(**self._reading()) if self._aligns else super()._policy()

    def retranscribe(self, samples: np.ndarray, state: RedecodingState) -> list[Word]:
        words, waiting = self._hear(samples)
        if isinstance(state.agreement, AttentionFrontier):
            state.agreement.waiting = waiting
        return words

    def _recognize(self, samples: np.ndarray, length: int) -> tuple[list[Word], int]:
        import torch

        out = self._network.generate(
            **self._features(samples),
            **self._options,
            max_new_tokens=min(int(len(samples) / SAMPLE_RATE * _TOKENS_PER_SECOND) + 8, self._longest),
            return_dict_in_generate=True,
        )
        scores = torch.stack(out["scores"])[:, 0].float()
        tokens = out["sequences"][0, -len(scores) :]
        chances = scores.softmax(-1).gather(1, tokens[:, None])[:, 0].tolist()
        ends = [0] * len(scores)
        if self.times == "attention":
            ends = (out["token_timestamps"][0, -len(scores) :].nan_to_num() * SAMPLE_RATE).int().tolist()
        said = [index for index, token in enumerate(tokens.tolist()) if self._is_text(token)]
        pieces: list[Piece] = []
        texts = self._texts([int(tokens[index]) for index in said])
        for index, text in zip(said, texts, strict=True):
            if text:
                pieces.append(Piece(text, pieces[-1].end if pieces else 0, ends[index], chances[index]))
        words = words_of_pieces(pieces, length, spaceless=self._spaceless)
        if self.times != "attention":
            return words_by_length(words, samples[:length]), 0
        if not self._aligns:
            return words, 0
        attended = self._attended(out["cross_attentions"], len(scores))
        sure = before_frontier((attended[index] for index in said), length - self._hold)
        settled = words_of_pieces(pieces[: sum(map(bool, texts[:sure]))], length, spaceless=self._spaceless)
        whole = takewhile(lambda pair: pair[0].text == pair[1].text, zip(settled, words, strict=False))
        return words, len(words) - sum(1 for _ in whole)

    def _attended(self, attentions: Any, count: int) -> list[int]:
        """The sample that each of the last `count` tokens attends to most, by the mean of the alignment heads.

        attentions: of each step, of each layer, (1, heads, tokens, frames).
        """
        import torch

        heads = self._network.generation_config.alignment_heads
        layers = [torch.cat([step[layer] for step in attentions], dim=-2) for layer in range(len(attentions[0]))]
        weights = torch.stack([layers[layer][..., head, -count:, :].reshape(count, -1) for layer, head in heads])
        frame = self._extractor.n_samples // weights.shape[-1]
        return [int(place) * frame for place in weights.mean(0).argmax(-1)]

    def _is_text(self, token: int) -> bool:
        return token < self._text_tokens and token not in self._special

    def _texts(self, tokens: list[int]) -> list[str]:
        """What each token adds to the text; bytes of an unfinished character wait for its last one."""
        texts, before = [], ""
        for count in range(1, len(tokens) + 1):
            text = self._tokenizer.decode(tokens[:count], clean_up_tokenization_spaces=False)
            if text.endswith("\ufffd") and count < len(tokens):
                texts.append("")
                continue
            texts.append(text[len(before) :])
            before = text
        return texts


class SpeechCtc(TransformersRecognizer):
    """wav2vec 2.0, HuBERT and their kind (AutoModelForCTC): the best token of each frame, repeats and blanks removed
    (Graves et al. 2006, section 3.1), which also gives the times."""

    def __init__(self, *loaded: Any, **policy: Any) -> None:
        super().__init__(*loaded, **policy)
        self._blank = self._network.config.pad_token_id
        self._delimiter = getattr(self._tokenizer, "word_delimiter_token", None)
        self._lower = not any(letter.islower() for token in self._tokenizer.get_vocab() for letter in _plain(token))

    def _recognize(self, samples: np.ndarray, length: int) -> tuple[list[Word], int]:
        logits = self._network(**self._features(samples)).logits[0].float()
        chances, tokens = logits.softmax(-1).max(-1)
        best, sure = tokens.cpu().numpy(), chances.cpu().numpy()
        frame = len(samples) / len(best)
        edges = [0, *(np.flatnonzero(np.diff(best)) + 1).tolist(), len(best)]
        pieces = [
            Piece(self._text(int(best[begin])), round(begin * frame), round(end * frame), float(sure[begin:end].max()))
            for begin, end in pairwise(edges)
            if best[begin] != self._blank
        ]
        return words_of_pieces(pieces, length), 0

    def _text(self, token: int) -> str:
        piece = self._tokenizer.convert_ids_to_tokens(token)
        if piece == self._delimiter:
            return " "
        if token in self._special:
            return ""
        piece = piece.replace("\u2581", " ")
        return piece.lower() if self._lower else piece


def load(
    name: str, *, language: str | None = None, device: str = "cpu", dtype: str | None = None, **settings: Any
) -> TransformersRecognizer:
    """A recognizer by Hugging Face id or folder.

    settings: interval, window, agree, policy; for sequence-to-sequence models also task, hold. language: of the
    speech; a CTC model does not say which one it writes, and takes any. Raises ModelError if the
    model cannot be had or is of another kind, SettingsError for a setting that it does not have.
    """
    place = place_of(name, "transformers model", "openai/whisper-tiny")
    source = str(place)
    check_transformers()
    with loading(name, place, "recognizer"):
        import torch
        from transformers import AutoConfig, AutoFeatureExtractor, AutoTokenizer

        config = AutoConfig.from_pretrained(source)
        kind, auto = _kind(name, config)
        allowed = {"interval", "window", "agree", "policy"} | ({"task", "hold"} if kind is SpeechSeq2Seq else set())
        if unknown := set(settings) - allowed:
            raise SettingsError(f"{name} has no setting {', '.join(sorted(unknown))}, only {sorted(allowed)}")
        if kind is SpeechSeq2Seq:
            settings["language"] = language
        elif (policy := settings.pop("policy", "")) not in ("", AGREEMENT):
            raise SettingsError(f"{name} has no policy {policy!r}, only {AGREEMENT}")
        network = auto.from_pretrained(source, dtype=getattr(torch, dtype) if dtype else "auto")
        extractor = AutoFeatureExtractor.from_pretrained(source)
        tokenizer = AutoTokenizer.from_pretrained(source)
    if dtype is None and network.dtype in (torch.float16, torch.bfloat16) and device == "cpu":
        network = network.float()  # half precision is emulated on CPUs
    return kind(name, on_device(network, name, device), extractor, tokenizer, **settings)


def _kind(name: str, config: Any) -> tuple[type[TransformersRecognizer], Any]:
    """The recognizer for a configuration, and the class that loads its weights."""
    from transformers import AutoModelForCTC, AutoModelForSpeechSeq2Seq
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CTC_MAPPING_NAMES,
        MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
    )

    written = (config.architectures or [""])[0]
    if config.model_type in MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES and not written.endswith("ForCTC"):
        return SpeechSeq2Seq, AutoModelForSpeechSeq2Seq
    if config.model_type in MODEL_FOR_CTC_MAPPING_NAMES and written in (
        "",
        MODEL_FOR_CTC_MAPPING_NAMES[config.model_type],
    ):
        return SpeechCtc, AutoModelForCTC
    raise ModelError(
        f"{name}: a {config.model_type} model ({written or 'no architecture named'}) is no speech recognizer; "
        "choose one of the Whisper or the CTC kind"
    )


def _plain(token: str) -> str:
    return "" if token.startswith("<") or token.startswith("[") else token
