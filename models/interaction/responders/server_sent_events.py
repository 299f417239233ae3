"""Server-sent events (WHATWG HTML, section 9.2.6), as far as model servers use them: the data of each event."""

from __future__ import annotations

import codecs
import re


class EventDecoder:
    """Bytes in, in pieces of any size; the data of complete events out."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._data: list[str] = []

    def push(self, piece: bytes) -> list[str]:
        """The data of the events that `piece` completes. Comments and other fields are passed over."""
        self._line += self._decoder.decode(piece)
        events = []
        # Only CR and LF end a line; str.splitlines would also cut at U+2028, which JSON may hold. A CR at the very end
        # may be half of a CRLF.
        *lines, self._line = re.split(r"\r\n|\n|\r(?!$)", self._line)
        for line in lines:
            if not line and self._data:
                events.append("\n".join(self._data))
                self._data = []
            elif line.startswith("data:"):
                self._data.append(line[5:].removeprefix(" "))
        return events

    def flush(self) -> list[str]:
        """The last event, if the stream ended without the empty line after it; a field name cut off is handed on."""
        cut = [self._line] if self._line and "data:".startswith(self._line) else []
        return self.push(b"\n\n") + cut
