"""A reasoning model's thoughts, taken out of streamed text in every notation that is in use.

Notations: tags (<think>, <thinking>, <reasoning>, <thought> and others; tool calls in tags), [THINK] (Mistral),
◁think▷ (Kimi), <|START_THINKING|> (Cohere), <|channel>thought (Gemma), <|inner_prefix|> (Apertus) and the channels of
OpenAI's harmony format, of which only "final" is spoken. A chat template may put the opening tag into the prompt, so
that only the closing one comes: text that begins like a thought is held until a closing tag or the end decides.
"""

from __future__ import annotations

import re

from duplex.models.turn_taking.word_lists import phrase_list, word_set

_NAMES = (
    "think|thinking|thought|thoughts|reasoning|reason|reflection|scratchpad|analysis|antthinking|inner_thoughts|"
    "inner_monologue|internal_monologue|internal_thoughts?|thinking_process|seed:think|mm:think|longcat_think|"
    "chain_of_thought|deliberation|cot"
)
_TOOLS = "tool_call|tool_calls|function_call|function_calls"
_TOKENS = "start_thinking|begin_of_thought|begin_of_thinking|think|thinking|thought"
_ENDS = "end_thinking|end_of_thought|end_of_thinking|/think|/thinking|/thought"
_MARK = re.compile(
    rf"(?P<empty></?(?:{_NAMES})\s*/>)"
    rf"|(?P<close></(?:{_NAMES})\s*>|\[/(?:think|thinking|reasoning)\]|◁/think▷|<\|(?:{_ENDS})\|>|<unused95>|<channel\|>"
    r"|<\|inner_suffix\|>|<｜end▁of▁thinking｜>)"
    rf"|(?P<endtool></(?:{_TOOLS})\s*>)"
    rf"|(?P<tool><(?:{_TOOLS})(?:\s[^<>]{{0,100}})?>)"
    rf"|(?P<open><(?:{_NAMES})(?:\s[^<>]{{0,100}})?>|\[(?:think|thinking|reasoning)\]|◁think▷|<\|(?:{_TOKENS})\|>"
    r"|<unused94>|<\|channel>thought|<\|inner_prefix\|>|<｜begin▁of▁thinking｜>)"
    r"|(?P<header><\|(?:start|channel)\|>)|(?P<body><\|message\|>)|(?P<end><\|(?:end|call|return)\|>)",
    re.IGNORECASE,
)
_PARTIAL = re.compile(
    r"(?:<\|channel>[a-z]{0,7}|<[|/｜]?[\w:|/｜▁]{0,24}(?:\s[^<>]{0,100})?|\[/?[a-z]{0,10}|◁/?[a-z]{0,6})$",
    re.IGNORECASE,
)
_QUOTES = "`\"'"

_REASONING_MODEL = re.compile(r"(?:^|[^a-z])(?:r1|qwq|thinking|reasoner|reasoning)(?:[^a-z]|$)", re.IGNORECASE)
_INTERJECTIONS = word_set("okay ok alright right hmm hm hmmm so well now wait first ah oh let's")
_LIKE_THOUGHTS = tuple(
    f"{' '.join(words)} "
    for words in phrase_list(
        "the user|user|the person|the human|the caller|the speaker|the question|the prompt|the instruction|"
        "the instructions|the system prompt|they want|they are asking|they're asking|they asked|he is asking|"
        "she is asking|let me think|let me see|let me start|let me break|let me consider|let me recall|"
        "let me figure|think|see what|we need to|we are asked|we're asked|we should|we must|i need to|i should|"
        "i must|i have to|i'm asked|i'm being asked|i am asked|i recall|my task|this is a question|"
        "this is a greeting|thinking process|der nutzer|der benutzer|l'utilisateur|el usuario"
    )
)
_CJK_THOUGHT = re.compile(r"^(?:好的|嗯|好|首先)?[,，。、\s]*(?:用户|我们需要|我需要)")
_CHANNELS = re.compile(r"analysis(?=[A-Z])")
"""How harmony text begins where the special tokens were removed: the channel's name joined to its text."""
_FINAL = re.compile(r"assistantfinal")
_CJK_HEAD = re.compile(r"^(?:好|好的|嗯|首先)?[,，。、\s]*[用我]?们?$")


def reasons(model: str) -> bool:
    """Whether the name says that the model reasons before it answers."""
    return bool(_REASONING_MODEL.search(model))


def opens_thought(prompt: str) -> bool:
    """Whether the prompt ends inside a thought, so that the completion begins with one."""
    marks = list(_MARK.finditer(prompt))
    return bool(marks) and marks[-1].lastgroup == "open" and not prompt[marks[-1].end() :].strip()


class WithoutThoughts:
    """Streamed text without thoughts. doubtful: hold the text until it is known whether it is a thought.

    `hidden` says whether a thought or a tool call was left out, `unopened` whether one was closed that nothing opened.
    """

    def __init__(self, *, doubtful: bool = False, thinking: bool = False) -> None:
        self.hidden = thinking
        self.unopened = False
        self._mode = "hidden" if thinking else "doubt" if doubtful else "head"
        self._kind = "close"
        self._held = ""
        self._doubtful = ""
        self._nested = False
        self._header = ""
        self._last = ""
        self._after = False

    def push(self, text: str) -> str:
        self._held += text
        return self._take(last=False)

    def trust(self) -> None:
        """The server keeps thoughts apart from the text, so text not yet begun need not be held."""
        if self._mode in ("head", "doubt") and not self._doubtful:
            self._mode = "free"

    def flush(self, *, cut: bool = False) -> str:
        """What is left. cut: the answer was cut off, so text that may be a thought is not handed on."""
        out = self._take(last=True)
        if self._mode == "doubt" and cut:
            self.hidden = self.hidden or bool(self._doubtful.strip())
        elif self._mode in ("doubt", "head"):
            out += self._doubtful
        self._doubtful = ""
        return out

    def _take(self, last: bool) -> str:
        out, start = "", 0
        while (mark := _MARK.search(self._held, start)) is not None:
            before = self._held[mark.start() - 1] if mark.start() else self._last
            if before and before in _QUOTES:  # a tag in quotation marks is spoken of, not used
                if mark.end() == len(self._held) and not last:
                    if mark.start() <= 1:
                        return out
                    self._held, rest = self._held[: mark.start() - 1], self._held[mark.start() - 1 :]
                    out += self._plain(self._held)
                    self._held = rest
                    return out
                if self._held[mark.end() : mark.end() + 1] == before:
                    start = mark.end()
                    continue
            text, self._held = self._held[: mark.start()], self._held[mark.end() :]
            out, start = self._mark(mark, out + self._plain(text)), 0
            self._last = ""
        partial = None if last else _PARTIAL.search(self._held, start)
        place = partial.start() if partial else len(self._held)
        if place and self._held[place - 1 : place] in _QUOTES and partial:
            place -= 1
        text, self._held = self._held[:place], self._held[place:]
        return out + self._plain(text)

    def _plain(self, text: str) -> str:
        """What of a text without marks may be handed on now."""
        if not text:
            return ""
        self._last = text[-1]
        if self._mode == "header":
            self._header += text
            return ""
        if self._mode in ("hidden", "between"):
            self.hidden = self.hidden or bool(text.strip())
            return ""
        if self._after:  # the empty lines between a thought and what is said
            text = text.lstrip()
            self._after = not text
        if self._mode == "free":
            return text
        self._doubtful += text
        if self._mode == "head":
            thought = _begins_like_thought(self._doubtful)
            if thought is False:
                self._mode, text, self._doubtful = "free", self._doubtful, ""
                return text
            if thought:
                self._mode = "doubt"
        if _CHANNELS.match(self._doubtful) and (final := _FINAL.search(self._doubtful)) is not None:
            text, self._doubtful = self._doubtful[final.end() :].lstrip(), ""
            self._mode, self.hidden, self._after = "free", True, not text
            return text
        return ""

    def _mark(self, mark: re.Match[str], out: str) -> str:
        """Acts on a mark; `out` is the text that was to be handed on before it."""
        kind = mark.lastgroup
        if kind == "header":
            out += self._leave_head()
            self._mode, self._header = "header", "channel " if "channel" in mark[0].lower() else ""
        elif kind == "body" and self._mode == "header":
            words = self._header.split()
            final = words[:2] == ["channel", "final"] or words[:1] not in (["channel"], ["system"], ["user"])
            self._mode, self._after, self._kind = ("free", True, "") if final else ("hidden", False, "end")
            self._nested = False
        elif kind == "end":
            if self._mode != "doubt":
                out += self._leave_head()
                self._mode = "between"
        elif self._mode == "hidden":
            if kind == self._kind:
                self._mode = "doubt" if self._nested and kind == "close" else "free"
                self._nested, self._after = False, True
            elif kind == "open" and self._kind == "close":
                self._nested = True
        elif kind in ("open", "tool"):
            if self._mode == "doubt":
                self._doubtful = ""
            else:
                out += self._leave_head()
            self._mode, self._kind = "hidden", "close" if kind == "open" else "endtool"
            self.hidden = True
        elif kind == "close":
            self.hidden = self.unopened = True
            self._mode, self._doubtful, self._after, out = "free", "", True, ""
        return out

    def _leave_head(self) -> str:
        text, self._doubtful = ("" if self._mode == "doubt" else self._doubtful), ""
        return text


def _begins_like_thought(text: str) -> bool | None:
    """Whether an answer that begins with `text` is likely a thought; None if more of it must come first."""
    if _CJK_THOUGHT.match(text) or _CHANNELS.match(text):
        return True
    if _CJK_HEAD.match(text) or "analysis".startswith(text):
        return None
    head = re.sub(r"[^\w']+", " ", text.replace("’", "'").lower()).lstrip()
    if not head:
        return None
    words = head.split(" ")
    while len(words) > 1 and words[0] in _INTERJECTIONS:
        words.pop(0)
    rest = " ".join(words)
    if any(rest.startswith(phrase) for phrase in _LIKE_THOUGHTS):
        return True
    unsure = any(phrase.startswith(rest) for phrase in _LIKE_THOUGHTS)
    unsure = unsure or any(word.startswith(rest) for word in _INTERJECTIONS)
    return None if unsure else False
