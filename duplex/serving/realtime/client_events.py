"""The events of a client, and what each asks of the session."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from duplex.conversation.history import ASSISTANT
from duplex.conversation.session import Session
from duplex.conversation.typed import typed_text
from duplex.models.interaction.contract import Utterance
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.input_audio import InputAudio
from duplex.serving.realtime.items import Item, Items
from duplex.serving.realtime.session_events import SessionEvents
from duplex.serving.realtime.wire import ClientError, Outbox, new_id, unsupported
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import DuplexError

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLES = {"user": ("input_text",), "assistant": ("output_text", "text")}
_RESPONSE_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "conversation": (None, "auto"),
    "output_modalities": (None, ["audio"]),
    "instructions": (None, ""),
    "tools": (None, []),
    "tool_choice": (None, "auto"),
    "input": (None,),
    "max_output_tokens": (None, "inf"),
    "audio": (None, {}),
}
"""What `response.create` may say without meaning anything else than the session does."""


class ClientEvents:
    """configure: takes a configuration on; Raises ClientError. session: the session, opened if need be."""

    def __init__(
        self,
        outbox: Outbox,
        audio: InputAudio,
        events: SessionEvents,
        voices: frozenset[str],
        configuration: Callable[[], Configuration],
        configure: Callable[[Configuration], Awaitable[None]],
        session: Callable[[], Awaitable[Session]],
    ) -> None:
        self._outbox = outbox
        self._audio = audio
        self._events = events
        self._voices = voices
        self._configuration = configuration
        self._configure = configure
        self._session = session
        self._handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.clear": self._clear,
            "input_audio_buffer.commit": self._commit,
            "conversation.item.create": self._create,
            "conversation.item.retrieve": self._retrieve,
            "conversation.item.delete": self._delete,
            "conversation.item.truncate": self._truncate,
            "response.create": self._respond,
            "response.cancel": self._cancel,
        }

    @property
    def _items(self) -> Items:
        return self._events.items

    async def take(self, event: object) -> None:
        """Do what an event asks; whatever keeps it from being done is an `error` event."""
        id = event.get("event_id") if isinstance(event, dict) else None
        try:
            if not isinstance(event, dict):
                raise ClientError("an event must be a JSON object", "invalid_event")
            kind = event.get("type")
            if not isinstance(kind, str):
                raise ClientError("the event has no type", "missing_required_parameter", "type")
            if kind == "output_audio_buffer.clear":
                raise unsupported(kind, "type", "it is for WebRTC; over WebSocket, cancel and truncate")
            if kind not in self._handlers:
                raise ClientError(f"there is no event of type {kind[:100]!r}", "invalid_value", "type")
            await self._handlers[kind](event)
        except ClientError as error:
            self._outbox.error(error, id)
        except DuplexError as error:
            self._outbox.error(ClientError(str(error), "invalid_value"), id)

    async def _update(self, event: dict[str, Any]) -> None:
        if not isinstance(event.get("session"), dict):
            raise ClientError("session: must be an object", "missing_required_parameter", "session")
        await self._configure(self._configuration().updated(event["session"], self._voices))

    async def _append(self, event: dict[str, Any]) -> None:
        await self._session()
        await self._audio.append(event.get("audio"))

    async def _clear(self, event: dict[str, Any]) -> None:
        self._audio.clear()
        self._outbox.put("input_audio_buffer.cleared")

    async def _commit(self, event: dict[str, Any]) -> None:
        raise unsupported(
            "input_audio_buffer.commit", "type", "with turn detection the end of a turn commits what was said"
        )

    async def _create(self, event: dict[str, Any]) -> None:
        item = _parse_item(event.get("item"))
        if event.get("previous_item_id") not in (None, self._items.last):
            self._items.find(event["previous_item_id"])
            raise unsupported("an item within the conversation", "previous_item_id", "items follow one another")
        session = await self._session()
        before = self._items.add(item)
        item.start = session.now
        party = ASSISTANT if item.role == "assistant" else session.parties[0]
        at = item.start / SAMPLE_RATE
        session.host.remember([Utterance(party, item.text, at, at)])
        if item.role == "user":
            self._events.unanswered.append(item)
        self._outbox.put("conversation.item.added", item=item.as_dict(), previous_item_id=before)
        self._outbox.put("conversation.item.done", item=item.as_dict(), previous_item_id=before)

    async def _retrieve(self, event: dict[str, Any]) -> None:
        self._outbox.put("conversation.item.retrieved", item=self._items.find(event.get("item_id")).as_dict())

    async def _delete(self, event: dict[str, Any]) -> None:
        item = self._items.find(event.get("item_id"))
        if self._events.response is not None and self._events.response.item is item:
            raise ClientError("the item is being spoken: cancel its response first", "item_in_progress", "item_id")
        await self._revise(item, "")
        self._items.remove(item)
        if item in self._events.unanswered:
            self._events.unanswered.remove(item)
        self._outbox.put("conversation.item.deleted", item_id=item.id)

    async def _truncate(self, event: dict[str, Any]) -> None:
        """What is asked for beyond what was played is taken for all that was: a client that miscounts goes on."""
        item = self._items.find(event.get("item_id"))
        end, index = event.get("audio_end_ms"), event.get("content_index")
        if isinstance(end, bool) or not isinstance(end, int) or end < 0:
            raise ClientError("audio_end_ms: must be a number of milliseconds", "invalid_value", "audio_end_ms")
        if index != 0:
            raise ClientError("content_index: must be 0", "invalid_value", "content_index")
        if item.role != "assistant" or not (item.sent or item.status == "in_progress"):
            raise ClientError("only speech of the assistant can be truncated", "invalid_value", "item_id")
        response = self._events.response
        if response is not None and response.item is item:
            await self._stop()
            response.limit = min(end, item.sent)
        else:
            text = item.heard_until(end)
            await self._revise(item, text)
            item.content = [{"type": "output_audio", "transcript": text}]
        end = min(end, item.sent)
        self._outbox.put("conversation.item.truncated", item_id=item.id, content_index=0, audio_end_ms=end)

    async def _respond(self, event: dict[str, Any]) -> None:
        metadata = _parse_response(event.get("response"))
        if self._configuration().kind == "transcription":
            raise ClientError("a transcription session has no responses", "invalid_value", "type")
        if self._events.busy:
            raise ClientError(
                "a response is being given: wait for its response.done, or cancel it",
                "conversation_already_has_active_response",
            )
        waiting = self._events.unanswered
        text = " ".join(item.text for item in waiting).strip()
        if not text:
            raise ClientError("there is nothing to answer: say something, or create an item", "nothing_to_answer")
        session = await self._session()
        session.type(text)
        session.assist(True)
        for item in waiting:  # it is one turn of the history now
            await self._revise(item, "")
        self._events.asked(metadata)

    async def _cancel(self, event: dict[str, Any]) -> None:
        response = self._events.response
        if response is None or event.get("response_id") not in (None, response.id):
            raise ClientError("there is no such response to be cancelled", "response_cancel_not_active")
        await self._stop()

    async def _stop(self) -> None:
        """End the response that is being given."""
        if self._events.response is not None and not self._events.response.reason:
            self._events.response.reason = "client_cancelled"
        (await self._session()).host.interrupt()

    async def _revise(self, item: Item, text: str) -> None:
        """The session remembers `text` of what the item says."""
        if item.start is not None:
            session = await self._session()
            party = ASSISTANT if item.role == "assistant" else session.parties[0]
            session.host.revise(party, item.start, text)


def _parse_item(given: object) -> Item:
    """Raises ClientError."""
    if not isinstance(given, dict):
        raise ClientError("item: must be an object", "missing_required_parameter", "item")
    if given.get("type") != "message":
        raise unsupported("an item other than a message", "item.type", "its tools are its own")
    role, id = given.get("role"), given.get("id")
    if role == "system":
        raise unsupported("a system message", "item.role", "instructions come with session.update")
    if not isinstance(role, str) or role not in _ROLES:
        raise ClientError("item.role: must be user or assistant", "invalid_value", "item.role")
    if id is not None and (not isinstance(id, str) or not _ID.fullmatch(id)):
        raise ClientError("item.id: must have letters, digits, _ and -, at most 64", "invalid_value", "item.id")
    parts = given.get("content")
    if not isinstance(parts, list) or not 0 < len(parts) <= 16:
        raise ClientError("item.content: must be a list of 1 to 16 parts", "invalid_value", "item.content")
    content = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _ROLES[role]:
            raise unsupported(f"content of type {str(kind)[:40]!r}", "item.content", "only text can be written")
        content.append({"type": kind, "text": typed_text(part["text"] if isinstance(part.get("text"), str) else "")})
    return Item(role, content, id or new_id("item"))


def _parse_response(given: object) -> dict[str, Any] | None:
    """The metadata of a response. Raises ClientError on what would make it another than the session's."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise ClientError("response: must be an object", "invalid_type", "response")
    for name, value in given.items():
        if name != "metadata" and value not in _RESPONSE_DEFAULTS.get(name, (None,)):
            raise unsupported(f"response.{name[:100]}", f"response.{name[:100]}", "it is that of the session")
    metadata = given.get("metadata")
    if metadata is not None and (
        not isinstance(metadata, dict)
        or len(metadata) > 16
        or not all(isinstance(value, str) and len(value) <= 512 and len(name) <= 64 for name, value in metadata.items())
    ):
        raise ClientError("metadata: must be at most 16 short texts", "invalid_value", "response.metadata")
    return metadata
