"""Translation: text in one language to text in another, with a quality estimate."""

from __future__ import annotations

from pathlib import Path

from duplex.models.language_tags import primary
from duplex.models.translation.contract import Translation, Translator
from duplex.streaming.errors import SettingsError
from duplex.streaming.policies.simultaneous import Translate, Wanted

__all__ = ["BUNDLED", "INCLUDED", "Translation", "Translator", "english_name", "load_translator", "translate_wanted"]

BUNDLED = frozenset({("en", "de"), ("de", "en")})
"""Pairs of the translators that come with Duplex."""

INCLUDED = ("auto", "fretna")
"""Their names."""


def english_name(language: str) -> str:
    """Of a language by two letters, for models that are told in words; the letters themselves if it has none here."""
    from duplex.models.translation.language_names import NAMES

    return NAMES.get(language, language)


def load_translator(name: str = "auto", source: str = "", target: str = "") -> Translator:
    """A translator by name.

    name: "auto": the bundled one, for English and German. "fretna": the same for whole sentences, and edits of the last
        translation while a sentence is being said, at a fraction of the cost. A folder with an export of either. The
        Hugging Face id or folder of a translation model. "MODEL@ADDRESS" or "ADDRESS" of an OpenAI-compatible server.
    source, target: languages that it will be asked for first; a model of one pair cannot say which that is.

    Raises SettingsError for a pair that these two lack, ModelError if the translator cannot be had.
    """
    source, target = primary(source), primary(target)
    if name in INCLUDED:
        if source and target and source != target and (source, target) not in BUNDLED:
            raise SettingsError(
                f"the bundled translator has no {source}-{target}, only en-de and de-en; name another one with "
                "--translator: a translation model of transformers by its id or folder, or an OpenAI-compatible server"
            )
        if name == "fretna":
            from duplex.models.translation.fretna.engine import load_fretna

            return load_fretna()
        from duplex.models.translation.engine import load_bundled

        return load_bundled()
    if "://" in name:
        from duplex.models.translation.server import ServerTranslator

        model, _, address = name.rpartition("@") if "@" in name.partition("://")[0] else ("", "", name)
        return ServerTranslator(address, model or None)
    folder = Path(name).expanduser()
    if (folder / "decoder.onnx").is_file():
        from duplex.models.translation.engine import load_bundled

        return load_bundled(folder)
    if (folder / "look.onnx").is_file():
        from duplex.models.translation.fretna.engine import FretnaTranslator

        return FretnaTranslator(folder)
    from duplex.models.translation.transformers_translator import TransformersTranslator

    return TransformersTranslator(name, (source, target) if source and target else None)


def translate_wanted(translator: Translator, source: str, target: str) -> Translate:
    """Gives policies what they want of a translator, from one language to another."""

    def translate(wanted: Wanted) -> tuple[list[str], tuple[int, ...]]:
        text, begin, draft = (" ".join(words) for words in (wanted.source, wanted.begin, wanted.draft))
        found = translator.translate(text, source, target, wanted.partial, begin, draft)
        return found.text.split(), found.alignment

    return translate
