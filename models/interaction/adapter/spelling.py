"""How adapted models spell decisions: by words of the vocabulary, which mean nearly that before any training."""

from __future__ import annotations

from collections.abc import Mapping

from duplex.models.interaction.decider.contract import Action

CONTROL: Mapping[Action, str] = {
    "silent": "Ġwait",
    "respond": "Ġanswer",
    "backchannel": "Ġyes",
    "yield": "Ġstop",
    "resume": "Ġcontinue",
}
"""Tokens with a leading space, as GPT-2's vocabulary writes it. They are never written into the stream, only compared
with one another behind a block's tail, so nothing that is said can pass for one."""
