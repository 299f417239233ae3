"""What goes on beside the reading of a wire, whichever it is: events out, sound at its pace, and the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from duplex.serving.realtime.conversation import Conversation
from duplex.serving.realtime.wire import Outbox

log = logging.getLogger(__name__)

_LOOK = 0.25
"""Seconds between two looks at whether the conversation has to end."""


async def hold(
    conversation: Conversation,
    outbox: Outbox,
    send: Callable[[dict[str, Any]], Awaitable[None]],
    close: Callable[[bool, str], Awaitable[None]],
    reading: Coroutine[Any, Any, None],
) -> None:
    """Until `reading` the wire has ended. close: (whether the client does not read, why it is closed)."""
    beside = [
        asyncio.create_task(outbox.send_to(send)),
        asyncio.create_task(conversation.keep_pace()),
        asyncio.create_task(_end_when_due(outbox, conversation, close)),
    ]
    try:
        await reading
    finally:
        for task in beside:
            task.cancel()
        for failure in await asyncio.gather(*beside, return_exceptions=True):
            if isinstance(failure, Exception) and not isinstance(failure, ConnectionError):
                log.error("realtime: a conversation has failed", exc_info=failure)


async def _end_when_due(
    outbox: Outbox, conversation: Conversation, close: Callable[[bool, str], Awaitable[None]]
) -> None:
    while True:
        try:
            async with asyncio.timeout(_LOOK):
                await outbox.overfull.wait()
        except TimeoutError:
            if reason := conversation.reason_to_end():
                code = "invalid_api_key" if conversation.revoked() else "session_ended"
                outbox.put("error", error=_ended(reason, code))
                await asyncio.sleep(_LOOK)
                await close(False, f"ended: {reason}")
                return
        else:
            await close(True, "the client does not read")
            return


def _ended(reason: str, code: str) -> dict[str, Any]:
    text = f"the session has ended: {reason}"
    return {"type": "invalid_request_error", "code": code, "message": text, "param": None, "event_id": None}
