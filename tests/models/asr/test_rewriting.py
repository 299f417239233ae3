"""A recognizer that writes the same words another way at every pass: nothing is said twice, lost or contradicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duplex.models.asr.contract import Hypothesis, Word
from duplex.models.asr.redecoding import Redecoding, RedecodingState
from duplex.models.asr.spelling import grows, said
from duplex.streaming.policies.local_agreement import LocalAgreement, comparable
from duplex.streaming.policies.spoken_form import Spoken

SECOND = 16_000
TENTH = SECOND // 10
some = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

PHRASES = {
    "twenty three dollars and fifty cents": ["$23.50", "twenty-three dollars and fifty cents", "$23 and fifty cents"],
    "one hundred five": ["105", "one hundred-five"],
    "three thirty": ["3:30", "three 30"],
    "forty percent": ["40%", "forty per-cent", "40 percent"],
    "well being": ["well-being", "wellbeing", "Well being"],
    "the third": ["The 3rd", "the third,"],
    "Mister Brown": ["Mr. Brown", "Mr Brown", "mister Brown."],
    "ice cream": ["ice-cream", "icecream", "Ice cream."],
    "I don't know": ["I don\u2019t know", "i don't know."],
    "please wait": ["Please, wait!", "please wait"],
    "somebody else": ["Somebody else", "somebody-else?"],
    "under the bridge": ["under the bridge", "Under the bridge."],
}


def spelled(text: str) -> str:
    return said(text, "en")


def letters(words: Sequence[Word]) -> str:
    return Spoken(words, spelled).letters


def heard_in(steps: Sequence[tuple[str, str]]) -> tuple[list[str], str]:
    """The texts of the stable words after each hypothesis, and the final text. A step: (what is heard, to which
    second), of an utterance in which a word lasts a third of a second."""
    agreement = LocalAgreement(2, spelling=spelled, grows=lambda text: grows(text, "en"))
    stable = []
    for text, until in steps:
        said_words = len(spelled(text).replace("-", " ").split())
        size = float(until) * SECOND / max(1, said_words)
        words, at = [], 0.0
        for word in text.split():
            length = size * len(spelled(word).replace("-", " ").split())
            words.append(Word(word, round(at), round(at + length)))
            at += length
        hypothesis = agreement.update(words, round(float(until) * SECOND))
        stable.append(" ".join(word.text for word in hypothesis.words[: hypothesis.stable]))
    return stable, agreement.finish(words).text


@pytest.mark.parametrize(
    ("steps", "final"),
    [
        (["It costs twenty three"] * 2 + ["It costs $23.50."], "It costs $23.50."),
        (["It is well", "It is well", "It is wellbeing now"], "It is well being now"),
        (["It is stop", "It is stop", "It is stopped now"], "It is stop now"),
        (["wreck a nice", "wreck a nice", "recognize speech today"], "wreck a nice speech today"),
        (["call mister", "call mister", "Call Mr. Brown"], "Call mister Brown"),
        (["oh no", "oh no", "oh no no"], "oh no no"),
        (["the twenty third", "the twenty third", "The 23rd of May"], "The 23rd of May"),
    ],
)
def test_a_word_that_is_rewritten_is_said_once(steps: list[str], final: str) -> None:
    untils = [len(spelled(text).replace("-", " ").split()) / 3 for text in steps]
    stable, text = heard_in([(step, str(until)) for step, until in zip(steps, untils, strict=True)])
    assert letters([Word(word, 0, 1) for word in text.split()]) == letters([Word(word, 0, 1) for word in final.split()])
    for before in stable:
        assert [comparable(word) for word in text.split()][: len(before.split())] == list(
            map(comparable, before.split())
        )


def test_a_committed_number_that_grows_late_is_continued() -> None:
    steps = [("It costs twenty three", "1.4")] * 2
    agreement = LocalAgreement(2, spelling=spelled, grows=lambda text: grows(text, "en"))
    words = [Word(text, i * 5000, (i + 1) * 5000) for i, text in enumerate(steps[0][0].split())]
    for heard in (20_000, 24_000):
        assert agreement.update(words, heard).stable in (0, 2)  # the number may grow
    assert agreement.update(words, 3 * SECOND).stable == 4  # a second has passed
    later = [Word("It", 0, 5000), Word("costs", 5000, 10_000), Word("$23.50.", 10_000, 60_000, 0.8)]
    final = agreement.finish(later)
    assert final.text == "It costs twenty three dollars and fifty cents."
    assert final.words[-1].end == 60_000 and {word.confidence for word in final.words[4:]} == {0.8}
    assert all(a.end <= b.start for a, b in zip(final.words[4:-1], final.words[5:], strict=True))


class Rewriter(Redecoding):
    """Hears a script: phrases with their places, each in another way at every pass, and the last word as it likes."""

    name = "rewriter"
    writes = "en"

    def __init__(self, script: list[tuple[str, int, int]], seed: int, jitter: int) -> None:
        super().__init__(interval=0.4, window=6.0)
        self.script = script
        self.random = np.random.default_rng(seed)
        self.jitter = jitter

    def transcribe(self, samples: np.ndarray) -> list[Word]:
        raise NotImplementedError

    def retranscribe(self, samples: np.ndarray, state: RedecodingState) -> list[Word]:
        words: list[Word] = []
        for phrase, start, end in self.script:
            units = phrase.split()
            size = (end - start) / len(units)
            there = [n for n in range(len(units)) if state.since <= start + (n + 0.5) * size]
            there = [n for n in there if start + (n + 1) * size <= state.heard]
            if len(there) == len(units) and self.random.random() < 0.7:
                texts = str(self.random.choice(PHRASES[phrase])).split()
                lengths = [len(Spoken([Word(text, 0, 1)], spelled).letters) for text in texts]
                edges = start + (end - start) * np.cumsum([0, *lengths]) / sum(lengths)
                found = list(zip(texts, edges[:-1], edges[1:], strict=True))
            else:
                found = [(units[n], start + n * size, start + (n + 1) * size) for n in there]
            for text, begin, stop in found:
                moved = self.random.integers(-self.jitter, self.jitter + 1, 2) if self.jitter else (0, 0)
                place = max(begin + moved[0] - state.since, words[-1].end if words else 0, 0)
                words.append(Word(text, round(place), round(max(place + 320, stop + moved[1] - state.since))))
        if state.heard < self.script[-1][2] and self.random.random() < 0.3:
            words.append(Word(f"guess{state.heard}", len(samples) - 800, len(samples)))
        return words


@some
@given(
    st.lists(st.sampled_from(sorted(PHRASES)), min_size=1, max_size=12, unique=True),
    st.lists(st.integers(0, 12), min_size=12, max_size=12),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 600]),
)
def test_what_is_said_comes_out_once_however_it_is_written(
    phrases: list[str], pauses: list[int], seed: int, jitter: int
) -> None:
    script, at = [], 0
    for phrase, pause in zip(phrases, pauses, strict=False):
        end = at + len(phrase.split()) * 3 * TENTH
        script.append((phrase, at, end))
        at = end + pause * TENTH
    recognizer = Rewriter(script, seed, jitter)
    state, hypotheses = recognizer.initial_state(), list[Hypothesis]()
    for _ in range((at + SECOND) // TENTH):
        hypothesis, state = recognizer.step(np.zeros(TENTH, np.float32), state)
        hypotheses += [hypothesis] if hypothesis is not None else []
    final = recognizer.flush(state)
    before: list[str] = []
    for hypothesis in [*hypotheses, final]:
        texts = [comparable(word.text) for word in hypothesis.words]
        assert texts[: len(before)] == before
        before = texts[: hypothesis.stable]
    assert letters(final.words) == letters([Word(word, 0, 1) for phrase in phrases for word in phrase.split()])
