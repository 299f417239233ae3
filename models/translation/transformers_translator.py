"""Translation models of the `transformers` library, by Hugging Face id or folder: Marian and other models of one pair,
M2M100, NLLB and mBART of many.

What is cached is loaded without the network, and HF_HUB_OFFLINE is honoured, by the library.
"""

from __future__ import annotations

import math
import re
import threading
from itertools import permutations
from pathlib import Path
from typing import Any

from duplex.models.transformers_library import check_transformers, loading, on_device, place_of
from duplex.streaming.errors import SettingsError, StageError, first_line

from .contract import Translation
from .language_names import FLORES
from .pieces import pieces
from .sanity import checked

HOPELESS = 0.2
"""Mean chance of a token below which a translation is marked; for good ones it is 0.5 and more."""
_MBART = re.compile(r"[a-z]{2}_[A-Z]{2}")
_PAIR = re.compile(r"(?:^|[-_/])([a-z]{2,3})[-_]([a-z]{2,3})$")


class TransformersTranslator:
    """See contract.Translator; one text at a time.

    name: Hugging Face id or folder. pair: the languages of a model of one pair whose name does not end in them, as
    that of Helsinki-NLP/opus-mt-en-de does. beam: hypotheses at a time. Raises ModelError if the model cannot be had or
    is of another kind.
    """

    def __init__(self, name: str, pair: tuple[str, str] | None = None, *, beam: int = 2, device: str = "cpu") -> None:
        self.name = name
        self._beam = beam
        self._lock = threading.Lock()  # the tokenizer holds the language of its source
        self._network, self._tokenizer = _load(name, device)
        self._codes = _codes(self._tokenizer)
        self._languages = {self._tokenizer.convert_tokens_to_ids(token) for _, token in self._codes.values()}
        if self._codes:
            self.pairs = frozenset(permutations(self._codes, 2))
        else:
            named = _PAIR.search(Path(name).name)
            self.pairs = frozenset([(named[1], named[2])] if named else [pair] if pair else [])
        config = self._network.config
        self._longest = int(getattr(config, "max_position_embeddings", None) or 512) - 2

    def translate(
        self, text: str, source: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> Translation:
        """See contract.Translator; draft is ignored. Raises StageError if the model fails."""
        if self.pairs and (source, target) not in self.pairs:
            raise SettingsError(f"{self.name} has no {source}-{target}")
        text = " ".join(text.split())
        if not any(c.isalpha() for c in text):
            return Translation(text, source, target)
        parts = pieces(text)
        try:
            with self._lock:
                done = [self._piece(part, source, target, "" if number else begin) for number, part in enumerate(parts)]
        except (RuntimeError, ValueError, IndexError, KeyError) as error:
            raise StageError(f"translator {self.name} failed: {first_line(error)}") from error
        sizes = [len(part) for part in parts]
        quality = sum(one.quality * size for one, size in zip(done, sizes, strict=True)) / sum(sizes)
        complete = all(one.complete for one in done)
        joined = " ".join(one.text for one in done if one.text)
        return Translation(joined, source, target, quality, quality < HOPELESS or not joined, complete=complete)

    def _piece(self, text: str, source: str, target: str, begin: str) -> Translation:
        import torch

        tokenizer, network = self._tokenizer, self._network
        first = [int(network.generation_config.decoder_start_token_id or network.config.decoder_start_token_id or 0)]
        options: dict[str, Any] = {}
        if self._codes:
            tokenizer.src_lang, tokenizer.tgt_lang = self._codes[source][0], self._codes[target][0]
            language = tokenizer.convert_tokens_to_ids(self._codes[target][1])
            options["forced_bos_token_id"] = language
            first.append(int(language))
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=self._longest).to(network.device)
        if begin:
            first += tokenizer(text_target=begin, add_special_tokens=False)["input_ids"]
            options["decoder_input_ids"] = torch.tensor([first], device=network.device)
        else:
            first = first[:1]
        room = self._longest - len(first)
        with torch.inference_mode():
            out = network.generate(
                **inputs,
                **options,
                num_beams=self._beam,
                do_sample=False,
                max_new_tokens=max(1, min(2 * inputs["input_ids"].shape[1] + 10, room)),
                return_dict_in_generate=True,
                output_scores=True,
            )
            scores = network.compute_transition_scores(
                out.sequences, out.scores, getattr(out, "beam_indices", None), normalize_logits=self._beam == 1
            )[0]
        sure = [value for value in scores.float().tolist() if math.isfinite(value) and value < 0]
        quality = math.exp(sum(sure) / len(sure)) if sure else 0.0
        kept = [token for token in out.sequences[0].tolist() if token not in self._languages]
        said = tokenizer.decode(kept, skip_special_tokens=True)
        return checked(said, text, source, target, quality, HOPELESS)


def _codes(tokenizer: Any) -> dict[str, tuple[str, str]]:
    """Of a tokenizer of many languages: what to set as `src_lang`, and the token of the language, by two letters."""
    if not hasattr(tokenizer, "src_lang"):
        return {}
    tokens = {str(token) for token in tokenizer.all_special_tokens} | set(tokenizer.get_added_vocab())
    m2m100 = getattr(tokenizer, "lang_code_to_token", None) or {}
    codes = {str(code): (str(code), str(token)) for code, token in m2m100.items()}
    codes |= {token[:2]: (token, token) for token in sorted(tokens) if _MBART.fullmatch(token)}
    flores = {language: (code, code) for language, code in FLORES.items() if code in tokens}
    return {**codes, **flores}


def _load(name: str, device: str) -> tuple[Any, Any]:
    place = place_of(name, "translation model of transformers", "Helsinki-NLP/opus-mt-en-fr")
    check_transformers()
    with loading(name, place, "translator"):
        import torch
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        network = AutoModelForSeq2SeqLM.from_pretrained(str(place), dtype="auto")
        tokenizer = AutoTokenizer.from_pretrained(str(place))
    if network.dtype in (torch.float16, torch.bfloat16) and device == "cpu":
        network = network.float()  # half precision is emulated on CPUs
    return on_device(network, name, device), tokenizer
