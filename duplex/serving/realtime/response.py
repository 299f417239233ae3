"""A reply of the session as a `response` of the API.

Sound is sent as the session plays it, and the transcript word by word as each has been played. So what a client has of
a response is never more than what can have been heard, and an interrupted one ends with the words that were.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from duplex.serving.realtime.configuration import modalities
from duplex.serving.realtime.items import Item, Items
from duplex.serving.realtime.response_request import Terms
from duplex.serving.realtime.wire import Outbox, new_id
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.resample import StreamResampler

DELTA = 0.04
"""Seconds of sound in one event."""

AUDIO_TOKENS = {"input": 10, "output": 20}
"""Tokens that a second of sound counts as in the API's usage."""

CHARACTERS = 4
"""Of text that count as a token: every model cuts it in its own way."""

FULL = "max_output_tokens"
"""Why a response ends that has all the tokens that it may have."""


class Response:
    """terms: what it is like. items, conversation: what its own items are added to; None outside the conversation.
    epoch: of the session's reply. heard: seconds of the user's turn that it answers. position: samples of the reply
    that have been taken."""

    def __init__(
        self,
        terms: Terms,
        outbox: Outbox,
        items: Items | None,
        conversation: str | None,
        epoch: int = 0,
        heard: float = 0.0,
        position: int = 0,
    ) -> None:
        self.terms = terms
        self.epoch = epoch
        self.position = position
        self.reason = ""
        """Why it ends early, once it does: "turn_detected", "client_cancelled" or "max_output_tokens"."""
        self.failed = ""
        """Why there is no more of it, if that is the server's fault."""
        self.transcript: str | None = None
        """Of a reply that is over: what was heard."""
        self.limit: int | None = None
        """Milliseconds of it that the client says were heard."""
        self.audible = False
        self.calling = False
        """Whether it has called a function of the client, and so ends with what has been said until then."""
        self.id = new_id("resp")
        self.item = Item("assistant", [], status="in_progress")
        self._outbox = outbox
        self._items = items
        self._format = terms.format
        self._conversation = conversation
        self._heard = heard
        self._resampler = StreamResampler(SAMPLE_RATE, terms.format.rate)
        self._sound = bytearray()
        self._sent = 0
        self._text = ""
        self._told = 0
        self._output: list[Item] = []
        outbox.put("response.created", response=self._as_dict("in_progress"))

    def text(self, text: str) -> None:
        """A piece of the reply, on its way to speech; of one that is text alone, as it was made."""
        if self.reason == FULL:
            return
        if not self._text:
            self._open()
        if self.silent:
            text = text[: self._left() * CHARACTERS - len(self._text)]
            self._text += text
            self._outbox.put("response.output_text.delta", delta=text, **self._at())
            self._stop_if_full()
            return
        self._text += f" {text}" if self._text else text

    def word(self, text: str) -> None:
        """A word has been played to its end."""
        at = self._text.find(text, self._told)
        if at < 0:
            return
        end = at + len(text)
        while end < len(self._text) and not self._text[end].isspace():
            end += 1
        self._tell(end)

    def play(self, samples: np.ndarray, position: int) -> None:
        """What the session plays, (n,) float32 at 16 kHz, its reply being played up to the sample `position`."""
        played, self.position = position - self.position, position
        if self.silent:  # what may still be heard is the end of the one before
            return
        if 0 < played <= len(samples):
            self.audio(samples[:played])
        elif samples.any():  # the tail of a fade, or something urgent in between
            self.audio(samples)

    def audio(self, samples: np.ndarray) -> None:
        """(n,) float32 at 16 kHz, as it is played."""
        if not self.audible and not self._outbox.carries_sound:
            self._outbox.put("output_audio_buffer.started", response_id=self.id)
        self.audible = True
        self._sound += self._format.encode(self._resampler.push(samples))
        if len(self._sound) >= DELTA * self._format.rate * self._format.width:
            self._send_sound()
        self._stop_if_full()

    @property
    def silent(self) -> bool:
        """Whether it is text alone."""
        return self.terms.silent

    @property
    def said(self) -> str:
        """All of its text."""
        return self._text

    def call(self, item: Item) -> None:
        """It calls a function of the client."""
        self.calling = True
        at = self._add(item)
        call_id, arguments = item.fields["call_id"], item.fields["arguments"]
        told = "response.function_call_arguments"
        self._outbox.put(f"{told}.delta", item_id=item.id, call_id=call_id, delta=arguments, **at)
        self._outbox.put(
            f"{told}.done", item_id=item.id, call_id=call_id, name=item.fields["name"], arguments=arguments, **at
        )
        item.status = "completed"
        self._done(item)

    def end(self) -> None:
        """The reply is over, or was taken back."""
        if self.limit is not None:
            self.transcript = self._text[: self.item.characters_until(self.limit)]
        if self._text:
            self._close()
        if self.terms.must and not self._called and not self.reason and not self.failed:
            self.failed = "the model has called no function, as tool_choice wants it to"
        status = "incomplete" if self.reason == FULL else "cancelled" if self.reason else "completed"
        self._outbox.put("response.done", response=self._as_dict("failed" if self.failed else status))
        if self.audible and not self._outbox.carries_sound:
            ended = "cleared" if self.reason else "stopped"
            self._outbox.put(f"output_audio_buffer.{ended}", response_id=self.id)

    def _open(self) -> None:
        self._add(self.item)
        part = {"type": "text", "text": ""} if self.silent else {"type": "audio", "transcript": ""}
        self._outbox.put("response.content_part.added", part=part, **self._at())

    def _close(self) -> None:
        part = self._closed_text() if self.silent else self._closed_sound()
        self._outbox.put("response.content_part.done", part=part, **self._at())
        self.item.status = "incomplete" if self.reason or self.failed else "completed"
        self.item.content = [{**part, "type": f"output_{part['type']}"}]
        self._done(self.item)

    def _closed_text(self) -> dict[str, Any]:
        self._outbox.put("response.output_text.done", text=self._text, **self._at())
        return {"type": "text", "text": self._text}

    def _closed_sound(self) -> dict[str, Any]:
        self._sound += self._format.encode(self._resampler.flush())
        self._send_sound()
        heard = self.transcript if self.transcript is not None else ""
        if not self.reason and self._text.startswith(heard):
            self._tell(len(heard))
        self._outbox.put("response.output_audio.done", **self._at())
        self._outbox.put("response.output_audio_transcript.done", transcript=heard, **self._at())
        return {"type": "audio", "transcript": heard}

    def _add(self, item: Item) -> dict[str, Any]:
        """A new item of the output; returns where it is."""
        before = None if self._items is None else self._items.add(item)
        self._output.append(item)
        at = self._place(item)
        item.status = "in_progress"
        self._outbox.put("response.output_item.added", item=item.as_dict(), **at)
        if self._items is not None:
            self._outbox.put("conversation.item.added", item=item.as_dict(), previous_item_id=before)
        return at

    def _done(self, item: Item) -> None:
        self._outbox.put("response.output_item.done", item=item.as_dict(), **self._place(item))
        if self._items is not None:
            self._outbox.put("conversation.item.done", item=item.as_dict(), previous_item_id=self._items.before(item))

    def _place(self, item: Item) -> dict[str, Any]:
        return {"response_id": self.id, "output_index": self._output.index(item)}

    def _tell(self, end: int) -> None:
        if end > self._told:
            self._outbox.put("response.output_audio_transcript.delta", delta=self._text[self._told : end], **self._at())
            self._told = end
        self.item.words.append((self._milliseconds(), end))

    def _send_sound(self) -> None:
        if self._sound:
            if self._outbox.carries_sound:
                delta = base64.b64encode(self._sound).decode()
                self._outbox.put("response.output_audio.delta", delta=delta, **self._at())
            self._sent += len(self._sound)
            self._sound.clear()
            self.item.sent = self._milliseconds()

    def _milliseconds(self) -> int:
        size = self._format.rate * self._format.width
        return round(1000 * (self._sent + len(self._sound)) / size)

    def _at(self) -> dict[str, Any]:
        return {**self._place(self.item), "item_id": self.item.id, "content_index": 0}

    def _as_dict(self, status: str) -> dict[str, Any]:
        over = status != "in_progress"
        details: dict[str, Any] = {"type": status}
        if self.failed:
            details["error"] = {"type": "server_error", "code": "response_failed", "message": self.failed[:500]}
        elif self.reason:
            details["reason"] = self.reason
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": details if over else None,
            "output": [item.as_dict() for item in self._output] if over else [],
            "conversation_id": self._conversation,
            "output_modalities": modalities(self.silent),
            "max_output_tokens": self.terms.most,
            "audio": {"output": {"format": self._format.as_dict(), "voice": self.terms.voice}},
            "metadata": self.terms.metadata,
            "usage": self._usage() if over else None,
        }

    def _usage(self) -> dict[str, Any]:
        """By the seconds of sound, and by the characters of what is text alone."""
        heard = math.ceil(self._heard * AUDIO_TOKENS["input"])
        spoken = self._spoken()
        written = self._written()
        return {
            "total_tokens": heard + spoken + written,
            "input_tokens": heard,
            "output_tokens": spoken + written,
            "input_token_details": {"audio_tokens": heard, "text_tokens": 0, "cached_tokens": 0},
            "output_token_details": {"audio_tokens": spoken, "text_tokens": written},
        }

    def _written(self) -> int:
        """Tokens of its text, where it is text alone."""
        return math.ceil(len(self._text) / CHARACTERS) if self.silent else 0

    def _spoken(self) -> int:
        """Tokens of its sound."""
        return math.ceil(self.item.sent / 1000 * AUDIO_TOKENS["output"])

    def _left(self) -> int:
        """Tokens that it may have."""
        return self.terms.most if isinstance(self.terms.most, int) else 1 << 30

    def _stop_if_full(self) -> None:
        if not self.reason and self._written() + self._spoken() >= self._left():
            self.reason = FULL

    @property
    def _called(self) -> bool:
        return any(item.kind == "function_call" for item in self._output)
