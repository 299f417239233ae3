"""The benchmark of simultaneous translation, over a translator whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.asr.contract import Hypothesis, Word
from duplex.models.translation.contract import Translation
from duplex.models.translation.train.corpus import Question
from duplex.testing import ScriptedRecognizer, UserScript, UserSpeech
from tests.benchmarks import simultaneous
from tests.benchmarks.lagging import Shown, Talk
from tests.benchmarks.lagging_picture import draw
from tests.benchmarks.simultaneous import SETTINGS, Heard, Stopwatch, hear, masked, speech_talk, text_talk

TEXT = "one two three four five six seven"
POLICIES = [f"{name}:{setting}" for name, settings in SETTINGS.items() for setting in settings]
PAIR = ("en", "de")


class Echo:
    """Capitals; each step of it costs a second on the test's clock."""

    name, pairs, bias = "echo", frozenset({PAIR}), 0.1

    def __init__(self, clock):
        self.clock, self.drafts = clock, []

    def translate(self, text, source, target, partial=False, begin="", draft=""):
        self.clock[0] += 1
        self.drafts.append((draft, self.bias))
        words = text.upper().split()
        return Translation(" ".join(words), source, target, alignment=tuple(range(len(words))))


@pytest.fixture
def echo(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(simultaneous.time, "process_time", lambda: clock[0])
    return Echo(clock)


def heard(*counts):
    words = [Word(word, place * 4800, place * 4800 + 4000) for place, word in enumerate(TEXT.split())]
    steps = [
        (count * 4800, 0.5 * n, Hypothesis(tuple(words[:count]), count, count == 7)) for n, count in enumerate(counts)
    ]
    return Heard(2100.0, tuple(steps))


def test_policies_of_text(echo):
    assert text_talk("wait-k:3", Stopwatch(echo), TEXT, PAIR).delays() == [3, 4, 5, 6, 7, 7, 7]
    assert text_talk("retranslate:2", Stopwatch(echo), TEXT, PAIR).delays() == [3, 4, 5, 6, 7, 7, 7]
    for policy in POLICIES:
        assert text_talk(policy, Stopwatch(echo), TEXT, PAIR).text == TEXT.upper()
        assert speech_talk(policy, Stopwatch(echo), heard(1, 2, 4, 7), PAIR).text == TEXT.upper()


def test_computing_adds_to_the_delay(echo):
    talk = text_talk("wait-k:6", Stopwatch(echo), TEXT, PAIR)
    assert talk.delays(aware=True) == [6 + 1 / 0.4] + [7 + 2 / 0.4] * 6
    talk = speech_talk("wait-k:6", Stopwatch(echo), heard(1, 2, 6, 7), PAIR)
    assert talk.delays() == [1800] + [2100] * 6
    assert talk.delays(aware=True) == [1800 + 1000 + 1000] + [2100 + 1500 + 2000] * 6


def test_what_is_said_is_heard_block_by_block():
    speech = [UserSpeech(0.2, 1.0, "hello there")]
    found = hear(ScriptedRecognizer(UserScript(speech)), np.zeros(32_000, np.float32))
    assert found.length == 2000 and found.steps[-1][2].final
    assert [at for at, _, _ in found.steps] == sorted(at for at, _, _ in found.steps)


def test_the_mask_holds_back_all_but_the_last():
    talk = Talk(2, [Shown(1, 1, ("a", "b")), Shown(2, 2, ("a", "c"))])
    assert [step.words for step in masked(talk, 1).steps] == [("a",), ("a", "c")]


def test_drafts_are_compared_with_none(echo):
    pytest.importorskip("sacrebleu")
    pytest.importorskip("torch")
    asked, biases = [Question(TEXT, (TEXT.upper(),))], (0.0, 0.5)
    rows = simultaneous.drafted(echo, echo, asked, PAIR, biases)
    assert [row["draft"] for row in rows] == ["none", "bias 0.0", "bias 0.5"]
    assert all(row["BLEU"] == 100 and row["speed-up"] == 1 and row["erasure, mask 0"] == 0 for row in rows)
    assert {draft for draft, _ in echo.drafts[:7]} == {""} and echo.drafts[8] == ("ONE", 0.0) and echo.bias == 0.1
    assert [row["draft"] for row in simultaneous.drafted(echo, echo, asked, PAIR, ())] == ["none", "the last"]


def test_a_point_for_each_policy_and_a_picture_of_them(echo, tmp_path):
    pytest.importorskip("sacrebleu")
    pytest.importorskip("torch")
    asked = [Question(TEXT, (TEXT.upper(),))]
    points = list(simultaneous.measured("text", echo, asked, [TEXT], PAIR))
    assert [each.policy for each in points] == [simultaneous.WHOLE, *POLICIES]
    assert all(each.BLEU == 100 and each.LAAL < each.LAAL_CA and each.erasure == 0 for each in points)
    assert points[0].LAAL == 7 and points[1].LAAL == 1
    draw([simultaneous.asdict(each) for each in points], tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
