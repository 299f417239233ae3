"""The events of a client, and what each asks of the session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from duplex.conversation.history import ASSISTANT
from duplex.conversation.session import Session
from duplex.models.interaction.contract import Utterance
from duplex.serving.http.limits import TokenBucket
from duplex.serving.realtime.asides import Asides
from duplex.serving.realtime.client_tools import ClientTools
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.input_audio import InputAudio
from duplex.serving.realtime.items import ROOT, Item, Items
from duplex.serving.realtime.manual_turns import SHORTEST, ManualTurn, ManualTurns
from duplex.serving.realtime.requested import parse_item
from duplex.serving.realtime.response_request import Wanted, parse_response
from duplex.serving.realtime.session_events import SessionEvents
from duplex.serving.realtime.wire import ClientError, Outbox, new_id, unsupported
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import DuplexError
from duplex.streaming.pipeline import reason_of


class ClientEvents:
    """configure: takes a configuration on; Raises ClientError. session: the session, opened if need be."""

    def __init__(
        self,
        outbox: Outbox,
        audio: InputAudio,
        events: SessionEvents,
        tools: ClientTools,
        turns: ManualTurns,
        asides: Asides,
        responses: TokenBucket,
        voices: frozenset[str],
        configuration: Callable[[], Configuration],
        configure: Callable[[Configuration], Awaitable[None]],
        session: Callable[[], Awaitable[Session]],
    ) -> None:
        self._outbox = outbox
        self._audio = audio
        self._events = events
        self._tools = tools
        self._turns = turns
        self._asides = asides
        self._responses = responses
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
            "output_audio_buffer.clear": self._silence,
        }

    @property
    def _items(self) -> Items:
        return self._events.items

    async def take(self, event: object) -> None:
        """Do what an event asks; whatever keeps it from being done is an `error` event."""
        id = event.get("event_id") if isinstance(event, dict) else None
        await self._refusing(self._take(event), id)

    async def _take(self, event: object) -> None:
        if not isinstance(event, dict):
            raise ClientError("an event must be a JSON object", "invalid_event")
        kind = event.get("type")
        if not isinstance(kind, str):
            raise ClientError("the event has no type", "missing_required_parameter", "type")
        if kind == "output_audio_buffer.clear" and self._outbox.carries_sound:
            raise unsupported(kind, "type", "it is for WebRTC; over WebSocket, cancel and truncate")
        if kind == "input_audio_buffer.append" and not self._outbox.carries_sound:
            raise unsupported(kind, "type", "it is for WebSocket; over WebRTC, sound comes on the track")
        if kind not in self._handlers:
            raise ClientError(f"there is no event of type {kind[:100]!r}", "invalid_value", "type")
        await self._handlers[kind](event)

    async def _update(self, event: dict[str, Any]) -> None:
        if not isinstance(event.get("session"), dict):
            raise ClientError("session: must be an object", "missing_required_parameter", "session")
        await self._configure(self._configuration().updated(event["session"], self._voices))

    async def _append(self, event: dict[str, Any]) -> None:
        await self._session()
        await self._audio.append(event.get("audio"))

    async def _clear(self, event: dict[str, Any]) -> None:
        self._audio.clear()
        self._turns.clear()
        self._outbox.put("input_audio_buffer.cleared")

    async def _commit(self, event: dict[str, Any]) -> None:
        if self._configuration().detection is not None:
            why = "with turn detection the end of a turn commits what was said"
            raise unsupported("input_audio_buffer.commit", "type", why)
        if (seconds := self._turns.turn.seconds) < SHORTEST:
            raise ClientError(
                f"the buffer has {1000 * seconds:.0f} ms of sound: at least {1000 * SHORTEST:.0f} can be committed",
                "input_audio_buffer_commit_empty",
            )
        turn = self._turns.take()
        item = self._events.speech.committed(new_id("item"))
        self._events.unanswered.append(item)
        self._turns.afterwards(lambda: self._recognize(item, turn))

    async def _recognize(self, item: Item, turn: ManualTurn) -> None:
        try:
            text = await turn.text()
        except Exception as error:
            self._events.speech.unrecognized(item, reason_of(error))
            return
        self._events.speech.recognized(item, text, turn.heard)
        if text:
            self._turns.keep(text, turn.start, turn.heard)
            session = await self._session()
            self._remember(item, session, self._items.start_after(self._items.last, session.now))

    async def _create(self, event: dict[str, Any]) -> None:
        item = parse_item(event.get("item"))
        after = event.get("previous_item_id")
        after = self._items.last if after is None else after
        if after not in (None, ROOT):
            self._items.find(after)
        last = after == self._items.last or not self._items.last
        if item.kind == "function_call_output" and self._items.call(item.fields["call_id"]) is None:
            raise ClientError("there is no call of this id in the conversation", "item_not_found", "item.call_id")
        session = await self._session()
        start = self._items.start_after(after, session.now)
        before = self._items.add(item, after)
        if item.kind == "function_call_output":
            self._tools.give(item.fields["call_id"], item.fields["output"])
        elif item.role in ("user", "assistant"):
            self._remember(item, session, start)
            if item.role == "user" and last:
                self._events.unanswered.append(item)
        self._outbox.put("conversation.item.added", item=item.as_dict(), previous_item_id=before)
        self._outbox.put("conversation.item.done", item=item.as_dict(), previous_item_id=before)

    def _remember(self, item: Item, session: Session, start: int) -> None:
        item.start = start
        party = ASSISTANT if item.role == "assistant" else session.parties[0]
        at = item.start / SAMPLE_RATE
        session.host.remember([Utterance(party, item.text, at, at)])

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
        response = self._events.response
        given = response is not None and response.item is item and not response.silent
        if item.role != "assistant" or not (item.sent or given):
            raise ClientError("only speech of the assistant can be truncated", "invalid_value", "item_id")
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
        configured = self._configuration()
        wanted = parse_response(event.get("response"), configured, self._items.find)
        if configured.kind == "transcription":
            raise ClientError("a transcription session has no responses", "invalid_value", "type")
        if self._responses.wait:
            raise ClientError("too many responses are asked for: wait a little", "rate_limit_exceeded")
        if wanted.aside:
            await self._beside(wanted, event.get("event_id"))
        elif self._events.owed and self._tools.answered:
            if not wanted.like(configured):
                raise unsupported("another manner of it", "response", "it goes on with the answer that made the call")
            self._events.go_on(wanted, self._tools.go_on)
        elif self._events.busy:
            raise ClientError(
                "a response is being given: wait for its response.done, or cancel it",
                "conversation_already_has_active_response",
            )
        elif self._turns.busy:
            self._events.reserved = True
            self._turns.afterwards(lambda: self._answer_later(wanted, event.get("event_id")))
        else:
            await self._answer(wanted)
        self._responses.take()

    async def _beside(self, wanted: Wanted, event_id: object) -> None:
        """A response outside the conversation, once the words of all that was committed are there."""
        session = await self._session()
        if self._turns.busy:
            self._turns.afterwards(lambda: self._refusing(self._begin_aside(wanted), event_id))
        else:
            self._asides.begin(wanted, session)

    async def _begin_aside(self, wanted: Wanted) -> None:
        self._asides.begin(wanted, await self._session())

    async def _answer_later(self, wanted: Wanted, event_id: object) -> None:
        self._events.reserved = False
        await self._refusing(self._answer(wanted), event_id)

    async def _refusing(self, work: Awaitable[None], event_id: object) -> None:
        """Do this; whatever keeps it from being done is an `error` event."""
        try:
            await work
        except ClientError as error:
            self._outbox.error(error, event_id)
        except DuplexError as error:
            self._outbox.error(ClientError(str(error), "invalid_value"), event_id)

    async def _answer(self, wanted: Wanted) -> None:
        """A response to what is unanswered, or to its instructions alone."""
        waiting = self._events.unanswered
        text = " ".join(item.text for item in waiting).strip()
        if not text and self._events.owed:
            raise ClientError(
                "the result of a function is waited for: create its function_call_output",
                "function_call_output_missing",
            )
        if not text and not wanted.instructions:
            raise ClientError("there is nothing to answer: say something, or create an item", "nothing_to_answer")
        session = await self._session()
        session.type(text or wanted.instructions)
        session.assist(True)
        for item in waiting:  # it is one turn of the history now
            await self._revise(item, "")
        self._events.asked(wanted, unsaid=not text)

    async def _cancel(self, event: dict[str, Any]) -> None:
        response, id = self._events.response, event.get("response_id")
        if id is not None and self._asides.cancel(id):
            return
        if response is None or id not in (None, response.id):
            raise ClientError("Cancellation failed: no active response found", "response_cancel_not_active")
        await self._stop()

    async def _silence(self, event: dict[str, Any]) -> None:
        """`output_audio_buffer.cleared` comes when the response has ended; nothing, if none is audible."""
        if self._events.response is not None:
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
            session.host.revise(party, item.start, f"{item.before} {text}".strip())
