"""What was said so far, as the blocks in which Duplex-nano would have perceived it.

An answerer is given a turn and what was heard before it, not the stream of percepts. From their times the stream is
written anew, its last half minute, without what only the session has perceived (sounds, revisions, pauses within a
turn).
"""

from __future__ import annotations

from collections.abc import Iterator

from duplex.models.interaction.contract import Request, Utterance
from duplex.models.interaction.decider.contract import BLOCK, Situation
from duplex.models.interaction.nano.stream_format import Heard, block_tokens
from duplex.models.interaction.nano.vocabulary import BEGIN, Vocabulary
from duplex.models.interaction.percepts import Activity, OwnSpeech, Percept, Words

HORIZON = 24.0
"""Seconds before the turn that are told."""
UTTERANCES = 6
"""Of those before the turn, at most."""
RATE = 2.5
"""Words a second of a turn whose times are not known."""
PAUSE = 0.4
"""Seconds of silence after it."""
ASSISTANT = "assistant"


def retold(request: Request, vocabulary: Vocabulary) -> list[int]:
    """The tokens from the beginning to the last block of the turn, after which it is to be answered."""
    said = _said(request)
    heard, told = Heard(), dict.fromkeys(range(len(said)), 0)
    speaking = ""
    tokens = [BEGIN]
    blocks = round((said[-1].end + PAUSE - said[0].start) / BLOCK) + 1
    for block in range(1, blocks + 1):
        now = said[0].start + block * BLOCK
        percepts: list[Percept] = []
        for number, utterance in enumerate(said):
            percepts += _new(utterance, number, told, now)
        talking = next((each.party for each in said if each.start < now <= each.end), "")
        if talking != speaking:
            percepts += _changes(speaking, talking, now)
            speaking = talking
        tokens += block_tokens(percepts, Situation(now, speaking=talking == ASSISTANT), heard, vocabulary)
    return tokens


def _said(request: Request) -> list[Utterance]:
    """The utterances that are told, the turn last, none before the end of the one before."""
    end = request.now - PAUSE
    turn = Utterance(request.party, request.text, end - len(request.text.split()) / RATE, end)
    before = [each for each in request.history[-UTTERANCES:] if each.start > turn.start - HORIZON and each.text]
    if before and before[-1].end > turn.start:
        shift = before[-1].end - turn.start
        turn = Utterance(turn.party, turn.text, turn.start + shift, turn.end + shift)
    return [*before, turn]


def _new(utterance: Utterance, number: int, told: dict[int, int], now: float) -> Iterator[Percept]:
    """What the block that ends at `now` adds to the utterance."""
    words = utterance.text.split()
    share = 1.0 if now >= utterance.end else (now - utterance.start) / max(utterance.end - utterance.start, BLOCK)
    count = min(len(words), int(max(0.0, share) * len(words)))
    before, told[number] = told[number], count
    if count == before:
        return
    if utterance.party == ASSISTANT:
        yield OwnSpeech(now, utterance.start, now, number, " ".join(words[before:count]))
    else:
        text, final = " ".join(words[:count]), count == len(words)
        yield Words(now, utterance.start, now, utterance.party, text, number, count, count, final)


def _changes(before: str, after: str, now: float) -> Iterator[Percept]:
    for party, active in ((before, False), (after, True)):
        if party not in ("", ASSISTANT):
            yield Activity(now, now, now, party, active)
