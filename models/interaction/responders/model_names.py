"""What the names of models say about them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NO_CHAT = re.compile(
    r"embed|rerank|(?:^|[^a-z])(?:bge|gte|e5|minilm|jina|whisper|clip|siglip|tts|kokoro|bark|stable-diffusion|sdxl|flux|"
    r"moderation|guard|ocr)(?:[^a-z]|$)|all-mpnet|dall-e|-base$",
    re.IGNORECASE,
)


def first_chat_model(names: Sequence[str]) -> str:
    """The first of `names` that does not look like a model for something else (embeddings, speech, …); "" if none."""
    return next((name for name in names if not _NO_CHAT.search(name)), "")
