"""A block of percepts as tokens: one opener, then what is new. A quiet block costs one token.

    <idle+voice> <user> set a timer <idle+voice> for <idle> ten minutes <idle> <respond>
    <speaking> <own> ten minutes <speaking> from now <idle>

The opener says what the assistant does and whether anybody speaks. Words follow the mark of who says them, which is
written where it changes: <user>, <other> (somebody beside the user), <own> (the assistant, as it was really heard).
They come in lower case without punctuation, since a recognizer's marks at a pause say little about the end of a turn
(turn_taking/CARD.md). A revision takes words back, one <back> for each, or begins <anew>. The decision of a block is
read at its last token; a decision other than silence is written into the stream, silence is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from duplex.models.interaction.decider.contract import Situation
from duplex.models.interaction.nano.vocabulary import NUMBER, Vocabulary, opener
from duplex.models.interaction.percepts import Activity, OwnSpeech, Percept, Sound, TimerDue, ToolResult, Words
from duplex.models.turn_taking.word_lists import plain_words

MOST_BACK = 4
"""Words taken back one by one; a revision that changes more is written anew."""
FAINT = 0.5
"""Probability below which a sound is marked as uncertain."""
LONGEST_TEXT = 60
"""Words of a timer's or a tool's text that are read."""


@dataclass(slots=True)
class Heard:
    """What of a session has been written as tokens.

    said: the words of each utterance so far, by party and number; the last few utterances. speaking: parties that do.
    mark: whose words the stream is at: the mark and the utterance.
    """

    said: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    speaking: set[str] = field(default_factory=set)
    mark: tuple[str, int] = ("", 0)

    def copy(self) -> Heard:
        return Heard(dict(self.said), set(self.speaking), self.mark)


KEPT = 8
"""Utterances whose revisions are still understood."""


def phase(situation: Situation) -> str:
    """What the assistant does: one of vocabulary.PHASES."""
    if situation.held:
        return "held"
    return "speaking" if situation.speaking else "answering" if situation.answering else "idle"


def block_tokens(percepts: Sequence[Percept], situation: Situation, heard: Heard, vocabulary: Vocabulary) -> list[int]:
    """The tokens of a block, at least one. Changes `heard`."""
    tokens: list[int] = []
    for percept in percepts:
        match percept:
            case Activity():
                (heard.speaking.add if percept.active else heard.speaking.discard)(percept.party)
            case Words():
                tokens += _words(percept, heard, vocabulary)
            case OwnSpeech():
                tokens += _marked("<own>", percept.epoch, heard)
                tokens += vocabulary.words(plain_words(percept.text))
            case Sound():
                label = plain_words(percept.label.replace("_", " "))
                tokens += _event("<sound>" if percept.score >= FAINT else "<faint>", label, heard, vocabulary)
            case TimerDue():
                tokens += _event("<timer>", plain_words(percept.text), heard, vocabulary)
            case ToolResult():
                text = plain_words(percept.tool.replace("_", " ") + " " + percept.text)
                tokens += _event("<failed>" if percept.failed else "<result>", text, heard, vocabulary)
            case _:
                pass  # prosody: nothing was trained on it
    return [opener(phase(situation), bool(heard.speaking)), *tokens]


def _words(percept: Words, heard: Heard, vocabulary: Vocabulary) -> list[int]:
    words = plain_words(percept.text)
    key = (percept.party, percept.utterance)
    before = heard.said.get(key, [])
    common = 0
    while common < min(len(before), len(words)) and before[common] == words[common]:
        common += 1
    removed = len(before) - common
    if not removed and common == len(words):
        return []
    heard.said.pop(key, None)  # the latest utterance stands last
    heard.said[key] = words
    while len(heard.said) > KEPT:
        heard.said.pop(next(iter(heard.said)))
    tokens = _marked("<other>" if percept.side else "<user>", percept.utterance, heard)
    if removed > MOST_BACK:
        return [*tokens, NUMBER["<anew>"], *vocabulary.words(words)]
    return [*tokens, *[NUMBER["<back>"]] * removed, *vocabulary.words(words[common:])]


def _marked(symbol: str, utterance: int, heard: Heard) -> list[int]:
    """The mark, where it is not the one that the stream is at."""
    if heard.mark == (symbol, utterance):
        return []
    heard.mark = (symbol, utterance)
    return [NUMBER[symbol]]


def _event(symbol: str, words: list[str], heard: Heard, vocabulary: Vocabulary) -> list[int]:
    heard.mark = ("", 0)
    return [NUMBER[symbol], *vocabulary.words(words[:LONGEST_TEXT])]
