"""What a sentence is about: its words that carry meaning, and when it was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from duplex.models.interaction.contract import Request, Utterance
from duplex.models.interaction.skills.durations import say_ago
from duplex.models.interaction.skills.words import sentences
from duplex.models.turn_taking.word_lists import word_set

_EMPTY = word_set(
    "a an the my your his her our their this that these those i you he she it we they me us is are was were be been am "
    "do did does have has had will would can could should to of in on at for with about and or so if as by from there "
    "something anything everything just today now then again ever last first thing"
)
_ASKING = word_set("what who where when how why which did do does is are can could will tell remind")

SAID, NOTHING_SAID = 'said: "', "said anything about"
"""In whatever the assistant tells of what was said."""


def content(words: Sequence[str]) -> set[str]:
    """The words that carry a subject, without their commonest endings."""
    return {stem(word) for word in words if word not in _EMPTY}


def stem(word: str) -> str:
    """The word without its commonest endings."""
    word = word.removesuffix("'s")
    for ending, instead in (("ies", "y"), ("ing", ""), ("ed", ""), ("s", "")):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending) + instead
            break
    return word.removesuffix("e")


def mentions(wanted: set[str], request: Request, party: str | None) -> Iterator[tuple[int, Utterance, str]]:
    """(words shared, utterance, sentence) of what `party` said on the subject (None: any but the assistant).

    Questions say nothing about their subject and are passed over, as is what the assistant has told of what was said.
    """
    for heard in request.history:
        if (party is not None and heard.party != party) or (party is None and heard.party == "assistant"):
            continue
        if heard.party == "assistant" and any(told in heard.text for told in (SAID, NOTHING_SAID)):
            continue
        for sentence in sentences(heard.text):
            words = [word.text for word in sentence]
            shared = len(wanted & content(words))
            if shared and words[0] not in _ASKING:
                yield shared, heard, heard.text[sentence[0].start : sentence[-1].end]


def when(said: Utterance, request: Request) -> str:
    """ "Two minutes ago", to begin a sentence."""
    ago = say_ago(request.now - said.end)
    return ago[0].upper() + ago[1:]
