"""Asking an answerer in tests."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

from duplex.models.interaction.contract import Answerer, Control, Request, Say, Utterance

NOW = 100.0
SUNDAY = datetime(2026, 11, 22, 14, 31, tzinfo=timezone(timedelta(hours=0)))
"""22 November 2026, 14:31 UTC."""


def request(text: str, **fields: Any) -> Request:
    return Request(text, **{"now": NOW, "wall_time": SUNDAY, **fields})


def heard(*turns: tuple[str, str, float], interrupted: bool = False) -> tuple[Utterance, ...]:
    """(party, text, when it ended) as a history; each took two seconds."""
    return tuple(Utterance(party, text, end - 2, end, interrupted) for party, text, end in turns)


async def collect(answerer: Answerer, asked: Request) -> list[Say | Control]:
    return [item async for item in answerer.answer(asked)]


def ask(answerer: Answerer, text: str, **fields: Any) -> tuple[str, list[Control]]:
    """(what is said, the controls) in answer to a turn."""
    items = asyncio.run(collect(answerer, request(text, **fields)))
    said = "".join(item.text for item in items if isinstance(item, Say))
    return said, [item for item in items if isinstance(item, Control)]
