"""What has been said and decided in a room, kept so that a page that comes back finds it, and for the downloads.

A room that goes on in another process begins with the event log of the one before: times and numbers go on from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from duplex.events import Turn
from duplex.session_record.exports import transcript_captions
from duplex.session_record.session_log import parse_events
from duplex.session_record.subtitles import to_srt, to_txt, to_vtt
from duplex.streaming.errors import CallError

MOST = 50_000
"""Events kept; a busy hour has some 20,000."""

EXPORTS = {
    "subtitles.srt": ("application/x-subrip", to_srt),
    "subtitles.vtt": ("text/vtt", to_vtt),
    "transcript.txt": ("text/plain", to_txt),
}
_TRANSLATED = re.compile(r"(subtitles|transcript)\.([a-z]{2,3})(\.both)?\.(srt|vtt|txt)")
"""One of them in a language that was read, or in both: subtitles.de.srt, subtitles.de.both.srt."""
LOG = "log.jsonl"

_SAMPLES = ("start", "end", "decided", "first_token", "first_audible", "at")
_NUMBERED = {"turn": 0, "epoch": 0, "caption": -1}
"""What is counted, and what the count is before the first."""
_PASSING = frozenset({"partial"})


class EventLog:
    """events: of a room that goes on here. shift: the samples between its beginning and ours."""

    def __init__(self, events: Iterable[Mapping[str, Any]] = (), shift: int = 0) -> None:
        self._first = 0
        self._partials: dict[str, dict[str, Any]] = {}
        self.resume(events, shift)

    def resume(self, events: Iterable[Mapping[str, Any]], shift: int) -> None:
        """Begin with the events of an earlier room. Takes a tenth of a second for an hour of them."""
        self._events: list[dict[str, Any]] = [dict(event) for event in events]
        self._highest = {
            name: max((int(event.get(name, none)) for event in self._events), default=none)
            for name, none in _NUMBERED.items()
        }
        self.go_on(shift)

    def go_on(self, shift: int) -> None:
        """Another session follows, whose sample 0 is `shift`: its numbers come after those that there are."""
        self._shift = shift
        self._turns, self._epochs, self._captions = (self._highest[name] for name in _NUMBERED)
        self._captions += 1

    @property
    def end(self) -> int:
        """The number of events there have been."""
        return self._first + len(self._events)

    def add(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """An event as `Event.as_dict` gives it; returned as it reads on the room's whole time."""
        told = dict(event)
        if self._shift or self._turns or self._epochs or self._captions:
            told |= {name: told[name] + self._shift for name in _SAMPLES if name in told}
            told |= {"turn": told["turn"] + self._turns} if "turn" in told else {}
            told |= {"epoch": told["epoch"] + self._epochs} if "epoch" in told else {}
            told |= {"caption": told["caption"] + self._captions} if "caption" in told else {}
        if told["type"] == "translation":
            return self._caption(told)
        if told["type"] in _PASSING:
            self._partials[told["party"]] = told
            return told
        if told["type"] in ("turn", "word"):
            self._partials.pop(told["party"], None)
        return self._keep(told)

    def add_turn(self, party: str, text: str, start: int, end: int) -> dict[str, Any]:
        """A turn that the session itself does not know of, on the room's whole time; its later ones are numbered after
        it. Returned as it reads."""
        self._turns += 1
        turn = self._highest["turn"] + 1
        return self._keep(Turn(start, end, party, text, turn).as_dict())

    def _keep(self, told: dict[str, Any]) -> dict[str, Any]:
        for name in _NUMBERED:
            if name in told:
                self._highest[name] = max(self._highest[name], told[name])
        self._events.append(told)
        if len(self._events) > MOST:
            surplus = len(self._events) - MOST
            del self._events[:surplus]
            self._first += surplus
        return told

    def _caption(self, told: dict[str, Any]) -> dict[str, Any]:
        """Of a caption that is still changing, only the newest state is kept."""
        key = f"{told['caption']} {told['language']}"
        if not told["final"]:
            self._partials[key] = told
            return told
        self._partials.pop(key, None)
        return self._keep(told)

    def page(self, since: int = 0, most: int | None = None) -> dict[str, Any]:
        """{"events": at most `most` from number `since` on, "next": the number after them, "end"}.

        The last page has what seems to be being said now at its end.
        """
        first = min(max(since, self._first), self.end)
        last = self.end if most is None else min(self.end, first + most)
        events = self._events[first - self._first : last - self._first]
        partials = self._partials.values() if last == self.end else ()
        return {"events": [*events, *partials], "next": last, "end": self.end}

    def lasting(self, since: int = 0) -> list[dict[str, Any]]:
        """From number `since` on, without what may yet be taken back."""
        return self._events[max(0, since - self._first) :]


def export(events: Sequence[Mapping[str, Any]], name: str) -> tuple[str, str]:
    """(media type, text) of a download. Raises CallError if there is none of that name."""
    if name == LOG:
        lines = (json.dumps(event, ensure_ascii=False, default=str) for event in events)
        return "application/x-ndjson", "".join(f"{line}\n" for line in lines)
    log = parse_events(events)
    if (asked := _TRANSLATED.fullmatch(name)) and asked[2] in log.languages:
        name, captions = f"{asked[1]}.{asked[4]}", log.translated(asked[2], bilingual=bool(asked[3]))
    else:
        captions = transcript_captions(log)
    if name not in EXPORTS:
        raise CallError(f"there is no download {name!r}")
    media_type, written = EXPORTS[name]
    return media_type, written(captions)
