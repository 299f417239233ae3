"""What understanding a turn costs, counted in pattern matches, and where it runs."""

from __future__ import annotations

import random

import pytest

from duplex.models.interaction.contract import Request, Say
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.patterns import Gist, Template, template
from duplex.models.interaction.skills.skill import Skill
from duplex.models.interaction.skills.words import sentences
from duplex.streaming.pool import InferencePool

SPOKEN = (
    "and then also but what who when how set a timer for five minutes remind me to call the of in at can could tell "
    "you know stop"
)
WORDS = SPOKEN.split()


@pytest.mark.parametrize("seed", range(6))
def test_a_long_turn_takes_a_bounded_number_of_matches(seed, monkeypatch):
    tried = 0
    matches = Template.matches

    def counted(self, words, source):
        nonlocal tried
        tried += 1
        return matches(self, words, source)

    monkeypatch.setattr(Template, "matches", counted)
    rng = random.Random(seed)
    Skills().understand(Request(" ".join(rng.choice(WORDS) for _ in range(80))))
    assert tried < 4000  # without the outline of each wording: over 60,000


@pytest.mark.parametrize(
    ("wording", "text", "may"),
    [
        ("set [a|the] timer for {duration}", "set a timer for five minutes", True),
        ("set [a|the] timer for {duration}", "set timer for", False),
        ("set [a|the] timer for {duration}", "start a timer for five minutes", False),
        ("[what is] [the] (average|mean) of {numbers}", "mean of one and two", True),
        ("[what is] [the] (average|mean) of {numbers}", "sum of one and two", False),
        ("what time is it [now|right now]", "what time is it right now", True),
        ("what time is it [now|right now]", "what time is it right now then", False),
        ("(cancel|stop) {which}", "stop the timer", True),
        ("turn {which} off", "turn the alarm on", False),
        ("{day} what (will|would) the day be", "friday what will the day be", True),
    ],
)
def test_the_outline_rules_out_only_what_cannot_match(wording, text, may):
    words = [word for sentence in sentences(text) for word in sentence]
    wording = template(wording)
    assert wording.may_match(Gist.of(words)) is may
    assert may or not list(wording.matches(words, text))


def test_the_outline_never_rules_out_a_match():
    wordings = [wording for skill in Skills().skills for wording, _ in skill._intents if isinstance(wording, Template)]
    rng = random.Random(1)
    for wording in wordings:
        for _ in range(20):
            text = _sample(wording.template, rng)
            words = [word for sentence in sentences(text) for word in sentence]
            if words and next(wording.matches(words, text), None):
                assert wording.may_match(Gist.of(words)), (wording.template, text)


def _sample(wording: str, rng: random.Random) -> str:
    """A text made by taking choices at random."""
    import re

    while match := re.search(r"[\[(]([^\[\]()]*)[\])]", wording):
        kept = rng.choice(match[1].split("|")) if match[0][0] == "(" or rng.random() < 0.5 else ""
        wording = wording[: match.start()] + kept + wording[match.end() :]
    return re.sub(r"\{\w+\}", lambda _: rng.choice(["five", "ten minutes", "the red car"]), wording)


def test_a_skill_with_a_reply_of_its_own_is_always_asked():
    class Own(Skill):
        title = "own"

        def reply(self, words, source, request):
            return None

    assert Own().may_reply(Gist.of(sentences("anything")[0]))


async def test_understanding_runs_where_the_request_says():
    pool = InferencePool(inline=True)
    said = [item async for item in Skills().answer(Request("what is two plus two", steps=pool))]
    assert said == [Say("2 plus 2 is 4.")]
    assert pool.timings["understand"].calls == 1
    pool.close()
