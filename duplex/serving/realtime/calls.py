"""A conversation over WebRTC: sound on a track both ways, events on a data channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from duplex.serving.hosts.contract import PlaceHost
from duplex.serving.http.limits import Limits
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.conversation import Conversation
from duplex.serving.realtime.holding import hold
from duplex.serving.realtime.wire import ClientError, Outbox, new_id
from duplex.serving.rooms.call import Peer, answered
from duplex.serving.rooms.session_keeper import SessionKeeper
from duplex.streaming.errors import CallError, TransportError

log = logging.getLogger(__name__)

_RETRY = 0.02
"""Seconds after which an event is sent again that the data channel did not take: it is not open yet, or full."""


class RealtimeCalls:
    """Those of one server. host: where conversations are held."""

    def __init__(self, host: PlaceHost, limits: Limits) -> None:
        self._host = host
        self._limits = limits
        self._calls: dict[str, asyncio.Task[None]] = {}

    async def begin(
        self, sdp: str, configuration: Configuration, revoked: Callable[[], bool] = lambda: False
    ) -> tuple[str, str]:
        """A client's offer to (the call's id, the answer). revoked: tells whether its key is. Raises CallError if
        the host is full, TransportError on an offer that is unusable."""
        id = new_id("rtc")
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = self._calls[id] = asyncio.create_task(self._hold(id, sdp, configuration, answer, revoked))
        task.add_done_callback(lambda _: self._calls.pop(id, None))
        try:
            return id, await answer
        except BaseException:
            task.cancel()
            raise

    async def hang_up(self, id: str) -> None:
        """Raises CallError if there is no such call."""
        task = self._calls.get(id)
        if task is None:
            raise CallError("there is no such call")
        task.cancel()
        await asyncio.wait([task])

    async def close(self) -> None:
        """Ends all."""
        tasks = tuple(self._calls.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hold(
        self,
        id: str,
        sdp: str,
        configuration: Configuration,
        answer: asyncio.Future[str],
        revoked: Callable[[], bool],
    ) -> None:
        """Task: one call."""
        try:
            async with self._host.place("realtime webrtc") as place:
                place.keeper.online = False  # until the connection is up
                peer = place.connect(id)
                try:
                    told = await answered(peer, sdp, "realtime")
                    if not answer.cancelled():
                        answer.set_result(told)
                        outbox = Outbox(carries_sound=False)
                        voices = self._host.voices()
                        async with Conversation(
                            place, outbox, self._limits, configuration, voices, peer.play, revoked
                        ) as conversation:
                            await _converse(peer, outbox, conversation, place.keeper, self._limits.connecting)
                finally:
                    await peer.close()
        except asyncio.CancelledError:
            answer.cancel()
            raise
        except Exception as error:
            if not answer.done():
                answer.set_exception(error)
            else:
                log.error("realtime: a call has failed", exc_info=error)


async def _converse(
    peer: Peer, outbox: Outbox, conversation: Conversation, keeper: SessionKeeper, connecting: float
) -> None:
    """Until the connection ends."""
    try:
        async with asyncio.timeout(connecting):
            await peer.wait_connected()
    except (TimeoutError, TransportError):
        return
    keeper.online = True

    async def send(event: dict[str, Any]) -> None:
        try:
            while not peer.send(event):  # noqa: ASYNC110 (the channel tells nobody when it has room)
                await asyncio.sleep(_RETRY)
        except TransportError as error:
            outbox.failure("event_too_large", f"an event {event['type']} is left out: {error}")

    async def listen() -> None:
        async for chunk in peer.incoming():
            await conversation.hear(chunk.samples)

    async def obey() -> None:
        async for message in peer.messages():
            await conversation.take(message)

    peer.on_refused(lambda why: outbox.error(ClientError(why, "invalid_event")))

    async def close(overfull: bool, reason: str) -> None:
        await peer.close()

    await hold(conversation, outbox, send, close, _first(peer.wait_closed, listen, obey))


async def _first(*works: Callable[[], Any]) -> None:
    """All of these at once, until the first has ended. Raises what that raises."""
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
