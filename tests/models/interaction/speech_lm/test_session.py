"""A whole session whose answerer listens for itself, at virtual time: blocks, decision, text, voice, barge-in.

The model is one of random weights; a bias on its token of silence makes it one that always or never wants to speak.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from duplex.events import CapabilityLost, Decided, Decision, Interrupted, Reply
from duplex.models.interaction.decider.contract import Situation, Verdict
from duplex.models.interaction.speech_lm import layout as tokens
from duplex.models.interaction.speech_lm.answerer import SpeechAnswerer
from duplex.models.interaction.speech_lm.network import network_of
from duplex.streaming.audio import SAMPLE_RATE
from duplex.testing import Playout, UserSpeech, converse, scripted_engines
from tests.models.interaction.speech_lm import tiny

ASK = UserSpeech(0.5, 1.5, "what time is it in the city of")
OVER = UserSpeech(4.0, 5.6, "no i meant in tokyo")


def speaker(silence: float) -> SpeechAnswerer:
    """silence: what is added to the logit of the token of silence. What it says are letters and spaces."""
    import torch

    model = copy.deepcopy(tiny.model("thinker"))
    head = torch.nn.Linear(32, tiny.VOCABULARY)
    head.weight = model.lm_head.weight
    head.bias.data.zero_()
    head.bias.data[tokens.KEEP_SILENCE] = silence
    head.bias.data[tiny.tokenizer().convert_tokens_to_ids([*"abcdefghijklmnop", *["Ġ"]])] = 20.0
    head.bias.data[tiny.tokenizer().convert_tokens_to_ids("Ġ")] = 21.0
    model.set_output_embeddings(head)
    return Watched(network_of(model, tiny.tokenizer(), "tiny", released=True), max_new_tokens=60)


class Watched(SpeechAnswerer):
    """Keeps what it was given and what it decided."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.verdicts: list[tuple[Situation, Verdict]] = []
        self.samples = 0
        self.told: list[tuple[str, bool]] = []

    def hear(self, dialogue: str, samples: np.ndarray, situation: Situation) -> Verdict | None:
        self.samples += len(samples)
        verdict = super().hear(dialogue, samples, situation)
        if verdict is not None:
            self.verdicts.append((situation, verdict))
        return verdict

    def heard(self, dialogue: str, text: str, answer: bool) -> None:
        self.told.append((text, answer))
        super().heard(dialogue, text, answer)

    def forget(self, dialogue: str) -> None:
        self.ids = self._dialogue(dialogue).state.cache.ids.tolist()
        super().forget(dialogue)


def talk(silence: float, *sounds: UserSpeech) -> tuple[Playout, Any]:
    engines = scripted_engines(sounds)
    engines.answerer = answerer = speaker(silence)
    playout = converse(sounds, engines=engines, duration=8.0)
    assert not [event for event in playout.events if isinstance(event, CapabilityLost)]
    return playout, answerer


def of(playout: Playout, kind: type) -> list[Any]:
    return [event for event in playout.events if isinstance(event, kind)]


def test_it_hears_decides_speaks_and_gives_way() -> None:
    playout, answerer = talk(-50.0, ASK, OVER)
    endpoint = next(each for each in of(playout, Decision) if each.kind == "endpoint")
    assert "listener 100%" in endpoint.reason  # by its words it would not be over: "in the city of"
    first = of(playout, Reply)[0]
    (interrupted,) = of(playout, Interrupted)
    assert first.interrupted and 0 < len(first.text) < len(first.full_text)
    assert interrupted.end == first.end < (OVER.end + 0.1) * SAMPLE_RATE
    assert answerer.told[0] == (first.text, True)
    decided = [(each.action, each.gate, each.acted) for each in of(playout, Decided)]
    assert ("respond", "listener", True) in decided and ("yield", "listener", True) in decided
    assert playout.audible()


def test_what_was_not_heard_is_not_in_its_cache() -> None:
    playout, answerer = talk(-50.0, ASK, OVER)
    first = of(playout, Reply)[0]
    ids = answerer.ids[len(answerer.lm.layout.prefix) :]
    begin = ids.index(tokens.TEXT_BEGIN) + 1
    held = answerer.lm.text_of(ids[begin : ids.index(tokens.TEXT_END, begin)])
    assert held.split() == first.text.split() != first.full_text.split()


def test_a_model_that_stays_silent_is_silent() -> None:
    playout, answerer = talk(50.0, ASK)
    assert not playout.audible() and not of(playout, Reply)
    assert {verdict.action for _, verdict in answerer.verdicts} == {"silent"}


def test_everything_is_heard_once_and_decided_every_block() -> None:
    _, answerer = talk(50.0, ASK)
    assert len(answerer.verdicts) == answerer.samples // answerer.block
    assert answerer.samples >= 7.5 * SAMPLE_RATE
    gaps = np.diff([situation.now for situation, _ in answerer.verdicts])
    np.testing.assert_allclose(gaps, 0.4, atol=0.021)


@pytest.mark.parametrize("sounds", [(), (ASK,)])
def test_without_a_listener_nothing_is_added(sounds: tuple[UserSpeech, ...]) -> None:
    playout = converse(sounds)
    (ended,) = [event for event in playout.events if event.type == "session_ended"]
    assert "listen" not in ended.queues
