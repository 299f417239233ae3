"""What a room that goes on in another process begins with: what was said in it, and what it still has to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duplex.conversation.history import ASSISTANT
from duplex.models.interaction.contract import Control, Utterance
from duplex.session_record.session_log import parse_events
from duplex.streaming.audio import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class ResumeState:
    """events: of the room so far, as its event log gives them. shift: samples from their zero to the new beginning."""

    events: Sequence[Mapping[str, Any]] = ()
    shift: int = 0

    def pack(self) -> bytes:
        """For another process. Packing an hour takes a tenth of a second: call it off the event loop."""
        return json.dumps([list(self.events), self.shift], default=str).encode()

    @classmethod
    def unpack(cls, packed: bytes) -> ResumeState:
        """What `pack` gave."""
        events, shift = json.loads(packed)
        return cls(events, shift)

    def heard(self) -> list[Utterance]:
        """What was said and heard, at negative times: it lies before the new session's beginning. Side speech is left
        out, as in the memory of the session before: it is not the user's."""
        log, back = parse_events(self.events), self.shift / SAMPLE_RATE
        said = [
            Utterance(turn.party, turn.text, turn.start - back, turn.end - back)
            for turn in log.turns
            if turn.text and not turn.side_speech
        ]
        said += [
            Utterance(ASSISTANT, reply.text, reply.start - back, reply.end - back, reply.interrupted)
            for reply in log.replies
            if reply.text
        ]
        return sorted(said, key=lambda utterance: utterance.start)

    def timers(self) -> list[Control]:
        """Those still pending. One that has run out meanwhile is due at once; one that was announced is not."""
        pending: list[Control] = []
        for event in self.events:
            if event.get("type") != "control":
                continue
            if event.get("action") == "cancel_timers":
                pending = []
            elif event.get("action") == "timer":
                at = (float(event["at"]) - self.shift) / SAMPLE_RATE
                pending.append(Control("timer", text=str(event.get("text", "")), at=at))
        last = max((event.get("end", 0) for event in self.events), default=0)
        return [timer for timer in pending if timer.at * SAMPLE_RATE + self.shift > last]
