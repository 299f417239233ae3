"""What goes where in the timeline: rows of time, lanes of parties, stretches of speech with the words that fit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from duplex.pictures import timeline_style as style
from duplex.pictures.mind_lane import has_mind, mind_height
from duplex.pictures.typesetting import Run, StyledWord, Typesetter
from duplex.session_record.session_log import ASSISTANT, SessionLog, Span, SpokenReply, SpokenTurn
from duplex.session_record.subtitles import Caption, timed_words

MOST_ROWS = 24
"""A session that would take more is drawn at a smaller scale."""

UNHEARD = 1.5
"""Seconds at most for which the part of a reply that was not heard is hinted at."""

TORN = 0.15
"""Seconds left between what is said and the end of a row."""


class Lane(NamedTuple):
    """Where a party is drawn, in inches from the row's bottom: its waveform, its bar, the lowest or (assistant) first
    line of its words."""

    party: str
    colour: str
    ink: str
    wave: float
    bar: float
    words: float


class Stretch(NamedTuple):
    """A turn, a part of it by one speaker, or a reply, as far as it lies in a row, in seconds. faint: a backchannel.
    speaker: as the transcripts name whoever spoke. colour: the speaker's; empty for the lane's own."""

    start: float
    end: float
    faint: bool
    text: list[Run]
    speaker: str = ""
    colour: str = ""


class Row(NamedTuple):
    """A row: its time, its lanes from the top down, the bottoms of the lane of decisions and of the mind's, which is
    None if there is none, its height (inches)."""

    span: Span
    lanes: list[Lane]
    floor: float
    mind: float | None
    height: float
    stretches: dict[str, list[Stretch]]


def layout(log: SessionLog, duration: float, most: float, typesetter: Typesetter) -> tuple[list[Row], float]:
    """The rows of a session, at most `most` seconds each if that takes no more than MOST_ROWS; and inches a second."""
    parties = parties_of(log)
    spans = rows(duration, most, busy(log))
    scale = (style.WIDTH - style.LEFT - style.RIGHT) / max(span.end - span.start for span in spans)
    result = []
    colours = {party: speaker_colours(log, party) for party in parties}
    for span in spans:
        stretches = {
            party: _stretches(log, party, span, scale, typesetter, colours.get(party, {}))
            for party in (*parties, ASSISTANT)
        }
        lines = {party: _lines(found) for party, found in stretches.items()}
        result.append(Row(span, *_lanes(parties, lines, mind_height(log) if has_mind(log) else 0.0), stretches))
    return result, scale


def parties_of(log: SessionLog) -> list[str]:
    return log.parties or ["user"]


def busy(log: SessionLog) -> list[Span]:
    """When a row should not end: while somebody speaks, and from the end of a turn to the reply to it."""
    spans = [Span(said.start, said.end) for said in (*log.turns, *log.replies)]
    audible = {reply.epoch: reply.first_audible for reply in log.replies}
    spans += [Span(decision.since, audible.get(decision.epoch, decision.at)) for decision in log.decisions]
    return spans


def rows(duration: float, most: float, busy: Iterable[Span]) -> list[Span]:
    """Rows of about the same length that end in a pause where there is one near their end."""
    busy = sorted(busy)
    count = min(MOST_ROWS, max(1, math.ceil(duration / most)))
    longest = duration if count == 1 else max(duration / count, min(most, 1.2 * duration / count))
    spans: list[Span] = []
    start = 0.0
    while duration - start > longest + 1e-6:
        end = start + longest
        near = [span for span in busy if span.end > start + 0.7 * longest - TORN and span.start < end + TORN]
        edges = [end, *(edge for span in near for edge in (span.start - TORN, span.end + TORN))]
        quiet = [
            at
            for at in edges
            if start + 0.7 * longest < at <= end and not any(span.start < at < span.end for span in near)
        ]
        spans.append(Span(start, max(quiet, default=end)))
        start = spans[-1].end
    return [*spans, Span(start, duration)]


def unheard(log: SessionLog) -> list[Span]:
    """Where to hint at what was not heard: after a reply that was cut off, and while one was held."""
    spans = list(log.suspensions)
    for reply in log.replies:
        if reply.interrupted and reply.text != reply.full_text:
            following = min((other.start for other in log.replies if other.start > reply.start), default=math.inf)
            spans.append(Span(reply.end, min(reply.end + _left_over(reply), following)))
    return spans


def _left_over(reply: SpokenReply) -> float:
    """Seconds that the part which was not heard would have taken, at the pace of the part that was."""
    heard = sum(part.end - part.start for part in reply.parts)
    return min(UNHEARD, heard * (len(reply.full_text) - len(reply.text)) / max(1, len(reply.text)))


def _lanes(
    parties: Sequence[str], lines: Mapping[str, int], mind: float
) -> tuple[list[Lane], float, float | None, float]:
    """From the bottom up: the assistant with its words lowest, the mind, the decisions, the parties with their words on
    top. mind: the height of its lane, 0 for none."""
    words = lines[ASSISTANT] * style.TEXT_LINE
    bar = words + 0.05
    own = Lane(ASSISTANT, style.ASSISTANT, style.ASSISTANT_INK, bar + style.BAR + style.GAP, bar, words - 0.1)
    thinking = own.wave + style.WAVE + style.GAP if mind else None
    floor = own.wave + style.WAVE if thinking is None else thinking + mind
    y = floor + style.FLOOR
    lanes = [own]
    for number, party in reversed(list(enumerate(parties))):
        bar = y + style.WAVE + style.GAP
        lanes.append(Lane(party, _colour(number), _colour(number), y, bar, bar + style.BAR + 0.06))
        y = lanes[-1].words + lines[party] * style.TEXT_LINE + style.GAP
    return lanes[::-1], floor, thinking, y


def speaker_colours(log: SessionLog, party: str) -> dict[str, str]:
    """The colour of each speaker on a party's channel, where there are several: the party's own for whoever spoke most
    to the assistant, and others for the rest, in order of appearance."""
    names = dict.fromkeys(turn.party for turn in log.party_speaker_turns(party))
    names |= dict.fromkeys(
        caption.party for turn in log.turns if turn.party == party for caption in _captions(log, turn)
    )
    if len(names) < 2:
        return {}
    said = Counter(log.name(party, turn.voice) for turn in log.turns if turn.party == party and turn.kind == "turn")
    first = max(names, key=lambda name: said[name])
    number = parties_of(log).index(party)
    taken = [_colour(other) for other in range(len(parties_of(log)))]
    free = [colour for colour in (*style.PARTIES, *style.MORE) if colour not in taken] or list(style.MORE)
    others = [name for name in names if name != first]
    colours = {name: free[place % len(free)] for place, name in enumerate(others)}
    return {name: colours.get(name, _colour(number)) for name in names}


def _captions(log: SessionLog, turn: SpokenTurn) -> list[Caption]:
    """Also of a turn without words, which is drawn as a bar."""
    if turn.text:
        return log.turn_captions(turn)
    return [Caption(turn.start, turn.end, log.name(turn.party, turn.voice), "")]


def _colour(number: int) -> str:
    return style.PARTIES[number % len(style.PARTIES)]


def _lines(stretches: Sequence[Stretch]) -> int:
    return max((run.line + 1 for stretch in stretches for run in stretch.text), default=1)


def _stretches(
    log: SessionLog, party: str, span: Span, scale: float, typesetter: Typesetter, colours: Mapping[str, str]
) -> list[Stretch]:
    said = list(_said(log, party, span, colours))
    edge = span.start + (style.WIDTH - style.LEFT - 0.05) / scale
    stretches = []
    for number, (stretch, words) in enumerate(said):
        start, end = stretch.start, stretch.end
        limit = min(edge, said[number + 1][0].start if number + 1 < len(said) else edge)
        room = min((limit - start) * scale - 0.08, max((end - start) * scale, style.TEXT_WIDTH))
        stretches.append(stretch._replace(text=typesetter.set(words, room, style.TEXT_LINES)))
    return stretches


def _said(
    log: SessionLog, party: str, span: Span, colours: Mapping[str, str]
) -> Iterator[tuple[Stretch, list[StyledWord]]]:
    """Each turn or reply of the party, as far as it lies in the row, and its words."""
    captions: list[tuple[Caption, bool, list[str]]] = []
    if party == ASSISTANT:
        ink = style.ASSISTANT_INK
        for reply in log.replies:
            *before, last = log.reply_captions(reply)
            captions += [(caption, False, []) for caption in before]
            captions.append((last, False, _unheard_words(reply)))
        captions.sort(key=lambda each: each[0].start)
    else:
        ink = _colour(parties_of(log).index(party))
        for turn in log.turns:
            if turn.party == party:
                captions += [(caption, turn.backchannel, []) for caption in _captions(log, turn)]
    for caption, faint, rest in captions:
        if caption.start >= span.end or caption.end <= span.start:
            continue
        colour = colours.get(caption.party, "")
        words = [
            StyledWord(word.text, colour or ink)
            for word in (timed_words(caption) if caption.text else [])
            if span.start <= min(word.start, caption.end - 1e-6) < span.end
        ]
        if colour and words:
            words.insert(0, StyledWord(f"{caption.party}:", colour))
        if caption.end <= span.end:
            words += [StyledWord(word, style.GREY, faint=True) for word in rest]
        start, end = max(caption.start, span.start), min(caption.end, span.end)
        yield Stretch(start, end, faint, [], caption.party, colour), words


def _unheard_words(reply: SpokenReply) -> list[str]:
    if not reply.interrupted or not reply.full_text.startswith(reply.text):
        return []
    return reply.full_text[len(reply.text) :].split()
