"""Speech language models: audio goes in as it is heard, and the model decides by itself when to speak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duplex.models.interaction.speech_lm.answerer import SpeechAnswerer
    from duplex.models.interaction.speech_lm.stream_uni import SpeechTranslator

__all__ = ["hears", "open_speech_model", "open_speech_translator"]


def hears(place: Path | str) -> bool:
    """Whether the model in a folder, or of an id on the Hugging Face hub, is one that takes audio: by what its
    configuration says. Asks the hub about an id that is not in its cache, if that may be asked."""
    try:
        from duplex.models.interaction.speech_lm import network, released

        return released.folder_of(place) is not None or network.model_type(place) in network.KINDS
    except ImportError:
        return False


def open_speech_model(
    model: str,
    *,
    device: str = "cpu",
    system_prompt: str | None = None,
    max_new_tokens: int = 256,
    context_tokens: int = 4096,
    temperature: float = 0.0,
) -> SpeechAnswerer:
    """Loads the model (seconds to minutes): a folder, or an id on the Hugging Face hub. Raises ModelError."""
    from duplex.models.interaction.speech_lm.answerer import SpeechAnswerer
    from duplex.models.interaction.speech_lm.network import load_network

    return SpeechAnswerer(
        load_network(model, device=device),
        system_prompt=system_prompt,
        max_new_tokens=max_new_tokens,
        context_tokens=context_tokens,
        temperature=temperature,
    )


def open_speech_translator(model: str, target: str, *, device: str = "cpu") -> SpeechTranslator:
    """Loads a model that translates what it hears (StreamUni): a folder, or an id on the Hugging Face hub.

    target: a language by its English name. Raises ModelError.
    """
    from duplex.models.interaction.speech_lm.network import load_network
    from duplex.models.interaction.speech_lm.stream_uni import SpeechTranslator

    return SpeechTranslator(load_network(model, device=device), target)
