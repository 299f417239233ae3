"""Tags of languages (BCP 47), as people and models write them."""

from __future__ import annotations


def primary(tag: str) -> str:
    """The two or three letters of a language tag: "de" of "de-AT"."""
    return tag.strip().replace("_", "-").partition("-")[0].lower()
