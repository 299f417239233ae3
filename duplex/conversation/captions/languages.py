"""In which languages captions can be had, before a translator is loaded."""

from __future__ import annotations

from duplex.models.language_tags import primary
from duplex.models.translation import BUNDLED, INCLUDED, Translator
from duplex.settings import Settings


def caption_languages(settings: Settings, translator: Translator | None) -> tuple[str, ...]:
    """Two letters each. translator: the loaded one, if there is one. Of a translator that does not say what it can,
    the languages that the settings name."""
    source = primary(settings.language)
    pairs = translator.pairs if translator is not None else BUNDLED if settings.translator in INCLUDED else frozenset()
    named = (primary(language.strip()) for language in settings.translate_to.split(",") if language.strip())
    return tuple(sorted({*named, *(target for spoken, target in pairs if spoken == source)} - {source}))
