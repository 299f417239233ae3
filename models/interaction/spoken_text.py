"""Written text → text for the ear: without markup, code, addresses, control tokens and pictograms."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

from duplex.models.interaction.spoken_math import speak_formulas

_CONTROL = re.compile(
    r"<\|[^<>|\n]{1,40}\|>|<｜[^<>｜\n]{1,40}｜>|</?s>|<(?:bos|eos|pad|unk|end_of_turn)>|<start_of_turn>(?:user\n|model\n)?"
    r"|\[/?INST\]|<</?SYS>>|\[(?:BOS|EOS|PAD|UNK|SEP|CLS)\]",
    re.IGNORECASE,
)
FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)[^\n`]*$", re.MULTILINE)
_PROSE = frozenset(["text", "txt", "plain", "plaintext", "markdown", "md"])
_CODE_SIGNS = re.compile(r"[{}();=<>\[\]\\]|^\s*(?:import|def|class|for|if|return|print|let|const|var)\b", re.MULTILINE)
_LANGUAGES = {
    "js": "JavaScript", "ts": "TypeScript", "py": "Python", "cpp": "C++", "c++": "C++", "cs": "C#", "rb": "Ruby",
    "sh": "shell", "bash": "shell", "zsh": "shell", "console": "shell", "shell": "shell", "html": "HTML", "css": "CSS",
    "json": "JSON", "sql": "SQL", "yaml": "YAML", "yml": "YAML", "xml": "XML", "javascript": "JavaScript",
    "typescript": "TypeScript", "php": "PHP",
}  # fmt: skip
_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\]]*\])?")
_LINK = re.compile(r"\[(?!\d{1,3}\]\[)([^\[\]]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\]]*\])")
_DEFINITION = re.compile(r"^[ \t]*\[[^\]\n]+\]:[ \t]*(?:<?\S+://\S*|<?mailto:\S*|/\S*).*$", re.MULTILINE)
_NOTE = re.compile(r"^[ \t]*\[\^[^\]\n]+\]:[ \t]*", re.MULTILINE)
_REFERENCE = re.compile(r"[ \t]?\[(?:\^[^\]\n]{1,24}|\d{1,3}(?:[ ]?[,–-][ ]?\d{1,3})*)\]|[ \t]?【[^】\n]*】")
_EMAIL = re.compile(r"(?:mailto:)?\b([\w.+-]+)@((?:[\w-]+\.)+[A-Za-z]{2,})\b(?:\?\S*)?")
_URL = re.compile(
    r"<?(?:(?:https?|ftps?|wss?|git|ssh)://(?:[^\s/@]*@)?(?:www\.)?|\bwww\.)"
    r"(?P<host>[\w-]+(?:\.[\w-]+)*)(?::\d+)?(?:[/?#](?:\([^\s()]*\)|[^\s()<>\[\]])*)?>?"
)
_LOCAL = re.compile(r"\bfile://\S*?([^\s/]+?)/?(?=[\s,;:!?)]|\.?(?:\s|$))|\bdata:[\w/+.-]+;base64,\S*")
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]{0,200}>", re.DOTALL)
_UNHEARD = re.compile(
    r"<(script|style|tool_call|tool_response|function_call)\b[^<>]*>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
_BREAK = re.compile(r"<(?:br|/p|/li|/h[1-6]|/tr|/div)\s*/?>", re.IGNORECASE)
_LINE_LEAD = re.compile(
    r"^[ \t]*(?:(?:>[ \t]?)+)?(?:#{1,6}[ \t]+|[-*+•‣◦▪–][ \t]+(?:\[[ xX]?\][ \t]+)?"
    r"|(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|={3,})$|[-*+][ \t]*$)?",
    re.MULTILINE,
)
_HEADING_END = re.compile(r"[ \t]+#+[ \t]*$", re.MULTILINE)
_EMPTY_ITEM = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]*$", re.MULTILINE)
_TABLE_RULE = re.compile(r"^[\s|:+-]*\|[\s|:+-]*$", re.MULTILINE)
_EMPHASIS = re.compile(r"\*+|~~|==(?=\S)|(?<=\S)==|`+|(?<!\w)_+|_+(?!\w)")
_PICTOGRAM = re.compile(
    "[0-9#*]\ufe0f?\u20e3|[\U0001f000-\U0001faff\U000e0020-\U000e007f☀-➿⬀-⯿←-⇿⌀-⏿■-◿\ufe0f\u20e3©®™]"
)
_SHORTCODE = re.compile(r"(?<![\w:]):[a-z][a-z0-9_+-]{1,30}:(?!\w)")
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffc]"
)
STOPS = ".!?…。！？｡．؟۔।॥։።፧፨។៕၊။჻"
_SUPERSCRIPTS = {"²": " squared", "³": " cubed"}


def speakable(piece: str) -> str:
    """The piece without what is only for the eye, one line; empty if nothing is left.

    The items of a list and headings get a full stop, so that a synthesizer pauses after them. A block of code is named
    and not read.
    """
    text = _CONTROL.sub("", piece.replace("\r\n", "\n").replace("\u2028", "\n"))
    text = _fenced(text)
    text = _TABLE_RULE.sub("", text)
    text = _DEFINITION.sub("", text)
    text = _NOTE.sub("", text)
    text = speak_formulas(text)
    text = _LOCAL.sub(lambda found: found[1] or "", _IMAGE.sub(r"\1", text))
    text = _LINK.sub(r"\1", text)
    text = _REFERENCE.sub("", text)
    text = _EMAIL.sub(lambda found: f"{_dotted(found[1])} at {_dotted(found[2])}", text)
    text = _URL.sub(_host, text)
    text = _TAG.sub("", _BREAK.sub("\n", _UNHEARD.sub("", text)))
    text = html.unescape(text).replace("\xa0", " ")
    text = _table(text)
    text = _LINE_LEAD.sub("", _HEADING_END.sub("", text))
    text = _EMPTY_ITEM.sub("", text)
    text = re.sub(r"\\([\\`*_{}\[\]()#+.!|~>-])", r"\1", text)
    text = _sums(_SHORTCODE.sub("", text))
    text = _EMPHASIS.sub("", text)
    text = re.sub(r"(?<=[A-Za-z])~(\w{1,4})~", r"\1", text)
    text = _PICTOGRAM.sub(
        lambda found: found[0][0] if found[0][-1] == "\u20e3" and found[0][0].isdigit() else " ", text
    )
    text = re.sub(r"[\u200c\u200d](?!\w)|(?<!\w)[\u200c\u200d]", "", _INVISIBLE.sub("", text))
    text = re.sub(r"\\n(?=[A-Z\s]|$)", "\n", text)
    lines = [" ".join(_EMPHASIS.sub("", line).split()) for line in text.split("\n")]
    ended = [line if line[-1] in STOPS + ",;:،、" or last else f"{line}." for line, last in _marked(lines)]
    return re.sub(r"\s+([.,;:!?])", r"\1", " ".join(ended)).strip()


def described(text: str) -> str:
    """What to say of an answer of which `speakable` leaves nothing, such as the names of its pictograms."""
    names = [unicodedata.name(sign, "").lower() for sign in text if unicodedata.category(sign) == "So"]
    known = [name for place, name in enumerate(names) if name and name not in names[:place]]
    if known:
        return f"{', '.join(known[:3])}.".capitalize()
    return "The answer has nothing that can be read aloud." if text.strip() else ""


def _fenced(text: str) -> str:
    """Blocks of code named; blocks of prose without their fences."""
    out, at = "", 0
    while (opening := FENCE.search(text, at)) is not None:
        closing = re.compile(rf"^[ \t]*{re.escape(opening['fence'])}[`~]*[ \t]*$", re.MULTILINE).search(
            text, opening.end()
        )
        body = text[opening.end() : closing.start() if closing else len(text)]
        language = opening["language"].lower()
        prose = (not language or language in _PROSE) and not _CODE_SIGNS.search(body)
        name = _LANGUAGES.get(language, language.capitalize())
        named = f"\n{name + ' code' if name else 'Code'}.\n" if body.strip() else "\n"
        out += text[at : opening.start()] + (body if prose else named)
        at = closing.end() if closing else len(text)
    return out + text[at:]


def _host(match: re.Match[str]) -> str:
    """The host of an address, and the punctuation of the sentence that stands after the address."""
    tail = re.search(r"[.,;:!?'\"*_`]+$", match[0].rstrip(">"))
    return match["host"] + (tail[0] if tail and not match["host"].endswith(tail[0]) else "")


def _dotted(name: str) -> str:
    return name.replace(".", " dot ")


def _sums(text: str) -> str:
    """Operators between operands in words; a star or a caret anywhere else is markup or stays."""
    # The base is a number, one letter or a bracket, with the same space on both sides: "**Bold** 2" is markup.
    base = r"(?:(?<![\w*.])(?:\d[\d.,]*|[A-Za-z])|(?<!\*)\))"
    text = re.sub(rf"({base})(\s?)\*\*\2(\(?-?\d+(?:\.\d+)?\)?)(?![\w*])", r"\1 to the power of \3", text)
    text = re.sub(rf"({base})(\s?)\*\*\2([A-Za-z])(?![\w*])", r"\1 to the power of \3", text)
    text = re.sub(r"(?<=\d)\^(st|nd|rd|th)\b\^?", r"\1", text)
    text = re.sub(r"(?<=[\d)])\s*\*\s*(?=[\d(])", " times ", text)
    text = re.sub(r"(?<=\w) \* (?=\w)", " times ", text)
    text = re.sub(r"(?<=\d)\s*×\s*(?=\d)", " times ", text)
    text = re.sub(r"(?<=\d)\s*÷\s*(?=\d)", " divided by ", text)
    text = re.sub(r"(?<=[\w)])\^\{?(-?\w+)\}?\^?", lambda found: f" {_power(found[1])}", text)
    return re.sub("[²³]", lambda found: _SUPERSCRIPTS[found[0]], text)


def _power(exponent: str) -> str:
    return {"2": "squared", "3": "cubed"}.get(exponent, f"to the power of {exponent}")


def _table(text: str) -> str:
    if not re.search(r"^\s*\|.*\|\s*$", text, re.MULTILINE):
        return text
    rows = (
        ", ".join(cell.strip() for cell in line.strip().strip("|").split("|") if cell.strip())
        if re.fullmatch(r"\s*\|.*\|\s*", line)
        else line
        for line in text.split("\n")
    )
    return "\n".join(rows)


def _marked(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """(line, whether it is the unfinished last one) of the lines with something to say."""
    for place, line in enumerate(lines):
        if re.search(r"\w", line):
            yield line, place == len(lines) - 1
