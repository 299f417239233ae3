"""Calls of tools that a model writes into its answer, which nobody wants to hear, taken out of streamed text.

Models that were trained to call tools do so unasked: as bare JSON, as JSON in a fenced block, or behind a token of
their own ([TOOL_CALLS], <|python_tag|>, <|tool_call|>, <function=…>). What stands between <tool_call> tags is taken out
with the thoughts (`thoughts`). JSON that is no call, and code, are left as they are.
"""

from __future__ import annotations

import re

LONGEST = 4000
"""Characters of JSON that are held until it is known whether they are a call."""

_TOKENS = re.compile(
    r"\[TOOL_CALLS\]|\[AVAILABLE_TOOLS\]|<\|python_tag\|>|<\|tool[▁_ ]?calls?(?:[▁_](?:begin|start|section_begin))?\|>"
    r"|<｜tool▁calls?▁begin｜>|<\|tool_calls_section_begin\|>|<function(?:=[^<>\n]{0,60}|\s[^<>\n]{0,100})>"
)
_ENDS = re.compile(
    r"\[/TOOL_CALLS\]|\[/AVAILABLE_TOOLS\]|<\|e(?:om|ot)_id\|>|<\|/tool_calls?\|>|<\|tool[▁_]calls?(?:[▁_]section)?[▁_]end\|>"
    r"|<｜tool▁calls▁end｜>|</function>"
)
_PARTIAL = re.compile(r"(?:\[[A-Z_]{0,16}|<[|｜]?[\w▁=|｜./:-]{0,60}(?:\s[^<>\n]{0,100})?)$")
_FENCE = re.compile(r"(?:^|\n)[ \t]*```[ \t]*(?:json|tool_call|tool_code|tool|function)?[ \t]*\n?[ \t]*(?=[\[{])")
_PARTIAL_FENCE = re.compile(r"(?:^|\n)[ \t]*`{1,3}[ \t]*[a-z_]{0,10}[ \t]*\n?[ \t]*$")
_BARE = re.compile(r"(?:^|\n)[ \t]*(?=[\[{])")
_PARTIAL_LINE = re.compile(r"\n[ \t]*$")
_CALL = re.compile(
    r'[\[{\s]*"(?:name|function|tool|tool_name|tool_call|tool_calls|function_call|action|type|id)"\s*:', re.IGNORECASE
)
_FIRST_KEY = re.compile(r'[\[{\s]*(?:"(?P<key>[^"]*)(?P<closed>")?|(?P<rest>[^"\s]))?')
_ARGUMENTS = re.compile(r'"(?:arguments|parameters|args|input|action_input|tool_input|function|kwargs)"\s*:')
_NAME = re.compile(r'"(?:name|tool|tool_name|action|function)"\s*:\s*"([^"]{1,60})"')


class WithoutToolCalls:
    """Streamed text without calls. `tool`: the name of the first that was left out, "" if none was."""

    def __init__(self) -> None:
        self.tool = ""
        self._held = ""
        self._begun = False
        """Whether something came before what is held, so that its beginning is no beginning of a line."""
        self._hidden = False

    def push(self, text: str) -> str:
        self._held += text
        return self._take(last=False)

    def flush(self) -> str:
        """What is left; the beginning of a call that never ended is not handed on."""
        return self._take(last=True)

    def _take(self, last: bool) -> str:
        out = ""
        while self._held:
            if self._hidden:
                end = _ENDS.search(self._held)
                if end is None:
                    self._held = "" if last else self._held[-80:]
                    return out
                self._held, self._hidden = self._held[end.end() :].lstrip(), False
                continue
            opening = self._opening()
            if opening is None:
                keep = len(self._held) if last else self._sure()
                return out + self._hand_on(keep)
            start, end, token = opening
            if token:
                out += self._hand_on(start)
                self._held = self._held[end - start :]
                self._hidden, self.tool = True, self.tool or "unnamed"
                continue
            if not _may_be_call(self._held[end : end + 200]):
                if (partial := _PARTIAL.match(self._held, end)) is not None and not last:
                    return out + self._hand_on(min(start, partial.start()))
                out += self._hand_on(end + 1)
                continue
            closed = _json_end(self._held, end)
            if closed is None and len(self._held) - end < LONGEST and not last:
                return out + self._hand_on(start)
            body = self._held[end:closed]
            if not _is_call(body, whole=closed is not None):
                out += self._hand_on(closed or len(self._held))
                continue
            rest = self._held[closed:] if closed else ""
            fence = re.match(r"\s*```[ \t]*", rest) if "`" in self._held[start:end] else None
            if "`" in self._held[start:end] and fence is None and not last and not rest.strip(" \n\t`"):
                return out + self._hand_on(start)
            out += self._hand_on(start)
            name = _NAME.search(body)
            self.tool = self.tool or (name[1] if name else "unnamed")
            self._held = rest[fence.end() :] if fence else rest
        return out

    def _opening(self) -> tuple[int, int, bool] | None:
        """(start, end, whether it is a token) of the first beginning of a call."""
        token = _TOKENS.search(self._held)
        found = [(token.start(), token.end(), True)] if token else []
        at = token.start() if token else -1
        for pattern in (_FENCE, _BARE):
            for match in pattern.finditer(self._held):
                if match.start() == 0 and not match[0].startswith("\n") and self._begun:
                    continue
                if match.end() != at:
                    found.append((match.start(), match.end(), False))
                break
        return min(found, default=None)

    def _sure(self) -> int:
        """How much of what is held certainly belongs to no beginning of a call."""
        places = [len(self._held)]
        for pattern in (_PARTIAL, _PARTIAL_FENCE, _PARTIAL_LINE):
            if (match := pattern.search(self._held)) is not None:
                places.append(match.start())
        return min(places)

    def _hand_on(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._begun = self._begun or bool(text.strip())
        return text


def _may_be_call(text: str) -> bool:
    """Whether JSON that begins like `text` may become a call."""
    head = _FIRST_KEY.match(text)
    assert head is not None
    if head["rest"] or head["key"] is None:
        return not head["rest"]
    return not head["closed"] or bool(_CALL.match(f"{head[0].rstrip()}:"))


def _is_call(text: str, *, whole: bool) -> bool:
    if not _CALL.match(text):
        return False
    return not whole or bool(_ARGUMENTS.search(text))


def _json_end(text: str, start: int) -> int | None:
    """Where the JSON value that begins at `start` ends; None if it does not."""
    depth, quoted, escaped = 0, False, False
    for place in range(start, len(text)):
        sign = text[place]
        if quoted:
            if escaped:
                escaped = False
            elif sign == "\\":
                escaped = True
            elif sign == '"':
                quoted = False
        elif sign == '"':
            quoted = True
        elif sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
            if not depth:
                return place + 1
    return None
