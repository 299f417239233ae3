"""Transcripts in the formats other programs read: SubRip, WebVTT, plain text.

Pure functions from captions to text. SubRip has no written standard; WebVTT is W3C's.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from duplex.session_record.cue_times import Cue, TimedWord, readable
from duplex.session_record.word_cues import each_word, underlined, with_marks

__all__ = ["Caption", "SpeakerTurn", "TimedWord", "one_line", "timed_words", "to_srt", "to_txt", "to_vtt"]

LINE = 42
"""Characters of a line, and..."""
LINES = 2
"""...lines of a caption: what subtitles commonly hold (EBU, Netflix, BBC guidelines)."""
LONGEST = 7.0
"""Seconds that a caption may stand."""


@dataclass(frozen=True, slots=True)
class Caption:
    """What a party said from `start` to `end` (seconds). With `words`, it is cut where they really lie.

    under: the same in another language, shown below.
    """

    start: float
    end: float
    party: str
    text: str
    words: tuple[TimedWord, ...] = ()
    under: str = ""


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """`party` spoke from `start` to `end` (seconds)."""

    start: float
    end: float
    party: str


def to_srt(captions: Iterable[Caption], words: str = "") -> str:
    """SubRip. Each cue begins with its party's name.

    words: one of WORD_STYLES; "karaoke" repeats a cue with the word of the moment underlined.
    """
    made = _cues(captions, prefixed=True)
    if words == "karaoke":
        made = [each for cue in made for each in underlined(cue)]
    elif words == "each":
        made = each_word(made)
    cues = []
    for number, cue in enumerate(made, 1):
        lines = [line.replace("-->", "->") for line in cue.lines]
        cues.append("\n".join([str(number), f"{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}", *lines, ""]))
    return "\n".join(cues)


def to_vtt(captions: Iterable[Caption], words: str = "") -> str:
    """WebVTT, each cue in a voice tag that names its party.

    words: one of WORD_STYLES; "karaoke" marks the time of each word in the text.
    """
    made = _cues(captions, prefixed=False)
    blocks = ["WEBVTT\n"]
    for cue in each_word(made) if words == "each" else made:
        voice = _escaped(one_line(cue.party))
        if words == "karaoke":
            text = with_marks(cue, _escaped, lambda ms: _clock(ms, "."))
        else:
            text = "\n".join(_escaped(line) for line in cue.lines)
        times = f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}"
        blocks.append(f"{times}\n<v {voice}>{text}</v>\n" if voice else f"{times}\n{text}\n")
    return "\n".join(blocks)


def to_txt(captions: Iterable[Caption]) -> str:
    """One line for each caption: [hours:minutes:seconds] party: text."""
    lines = []
    for caption in _ordered(captions):
        hours, rest = divmod(int(caption.start), 3600)
        stamp = f"[{hours:02d}:{rest // 60:02d}:{rest % 60:02d}]"
        lines.append(f"{stamp} {one_line(caption.party)}: {one_line(caption.text)}\n")
        if caption.under:
            lines.append(f"{' ' * len(stamp)} {one_line(caption.under)}\n")
    return "".join(lines)


def _ordered(captions: Iterable[Caption]) -> list[Caption]:
    spoken = [caption for caption in captions if one_line(caption.text)]
    return sorted(spoken, key=lambda caption: (_ms(caption.start), _ms(caption.end)))


def _cues(captions: Iterable[Caption], prefixed: bool) -> list[Cue]:
    """Captions cut to at most LINES lines of LINE characters and LONGEST seconds, in milliseconds, in order."""
    cues = []
    for caption in _ordered(captions):
        prefix = f"{one_line(caption.party)}: " if prefixed and one_line(caption.party) else ""
        parts = _cut(timed_words(caption), prefix)
        for words, under in zip(parts, _shared_out(caption.under, parts), strict=True):
            start = _ms(words[0].start)
            end = min(max(_ms(words[-1].end), start), start + round(LONGEST * 1000))
            said = sum(len(word.text) + 1 for word in words)
            lines = [*_balanced(words, prefix), *textwrap.wrap(under, LINE, break_on_hyphens=False)]
            cues.append(Cue(start, end, caption.party, lines, said, tuple(words)))
    return readable(cues, longest=round(LONGEST * 1000))


def _shared_out(text: str, parts: Sequence[Sequence[TimedWord]]) -> list[str]:
    """The words of a text in as many pieces as there are parts, as long in proportion as these."""
    tokens, shares = one_line(text).split(), [sum(len(word.text) + 1 for word in part) for part in parts]
    pieces, done, given = [], 0, 0
    for share in shares:
        done += share
        until = round(len(tokens) * done / sum(shares))
        pieces.append(" ".join(tokens[given:until]))
        given = until
    return pieces


def _cut(words: Sequence[TimedWord], prefix: str) -> list[list[TimedWord]]:
    """As few cues as will do, and none of them with a lone word where it could be shared out more evenly."""
    cues = _filled(words, prefix, LINE * LINES)
    narrow, wide = 0, LINE * LINES
    while wide - narrow > 1:
        width = (narrow + wide) // 2
        if len(_filled(words, prefix, width)) > len(cues):
            narrow = width
        else:
            wide = width
    return _filled(words, prefix, wide)


def _filled(words: Sequence[TimedWord], prefix: str, width: int) -> list[list[TimedWord]]:
    cues: list[list[TimedWord]] = []
    length = 0
    for word in words:
        held = cues[-1] if cues else []
        # A sentence that fills more than a line is complete by itself: the next one starts afresh.
        complete = bool(held) and held[-1].text[-1] in ".!?…。！？" and length > LINE
        longer = length + 1 + len(word.text)
        fits = bool(held) and longer <= width
        fits = fits and (longer <= LINE or len(_wrapped([*held, word], prefix)) <= LINES)
        if complete or not fits or word.end - held[0].start > LONGEST:
            cues.append([word])
            length = len(prefix) + len(word.text)
        else:
            held.append(word)
            length += 1 + len(word.text)
    return cues


def _wrapped(words: Sequence[TimedWord], prefix: str) -> list[str]:
    text = prefix + " ".join(word.text for word in words)
    return textwrap.wrap(text, LINE, break_on_hyphens=False)


def _balanced(words: Sequence[TimedWord], prefix: str) -> list[str]:
    """The lines, about equally long."""
    lines = _wrapped(words, prefix)
    text = " ".join(lines)
    for width in range(len(text) // len(lines), LINE):
        evener = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
        if len(evener) == len(lines) and max(map(len, evener)) <= LINE:
            return evener
    return lines


def timed_words(caption: Caption) -> list[TimedWord]:
    """The caption's text word by word, none longer than a line. Where the caption's own words are the text's, their
    times are used; otherwise time is shared out by length."""
    tokens = one_line(caption.text).split(" ")
    if len(caption.words) == len(tokens):
        timed = [TimedWord(token, word.start, word.end) for token, word in zip(tokens, caption.words, strict=True)]
    else:
        timed = _shared(tokens, caption.start, caption.end)
    result: list[TimedWord] = []
    for word in timed:
        start = max(word.start, result[-1].start) if result else word.start
        end = max(word.end, start)
        parts = [word.text[at : at + LINE] for at in range(0, len(word.text), LINE)]
        result += _shared(parts, start, end) if len(parts) > 1 else [TimedWord(word.text, start, end)]
    return result


def _shared(tokens: Sequence[str], start: float, end: float) -> list[TimedWord]:
    end = max(start, end)
    total = sum(len(token) + 1 for token in tokens)
    words, done = [], 0
    for token in tokens:
        begin = start + (end - start) * done / total
        done += len(token) + 1
        words.append(TimedWord(token, begin, start + (end - start) * done / total))
    return words


def one_line(text: str) -> str:
    """Control characters and line breaks, which would end a cue, become spaces; half of a surrogate pair, which UTF-8
    cannot hold, becomes a replacement character."""
    text = re.sub(r"[\ud800-\udfff]", "\ufffd", text)
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000)) if math.isfinite(seconds) else 0


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{ms:03d}"
