"""Gates that read a language model, on tiny models of random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from duplex.models.interaction.decider.contract import BLOCK, Action, Situation
from duplex.models.interaction.decider.control_token import ControlTokenGate, control_tokens
from duplex.models.interaction.decider.held_reply import HeldReplyGate, HeldState
from duplex.models.interaction.decider.hidden_state import Heads, HiddenStateGate, load_heads, save_heads
from duplex.models.interaction.decider.model_stream import WINDOW, ModelStream, StreamState
from duplex.models.interaction.decider.percept_text import moment, open_words, percept_text
from duplex.models.interaction.percepts import Activity, Percept, Sound, Words
from duplex.streaming.errors import ModelError
from duplex.streaming.lm.causal_lm import CausalLM
from tests.streaming.lm.tiny import FAMILIES, apart, tiny, whole

TOKENS: dict[Action, int] = {"silent": 90, "respond": 91, "backchannel": 92, "yield": 93, "resume": 94}


def encode(text: str) -> list[int]:
    """Every character a token."""
    return [3 + ord(character) % 80 for character in text]


def words(at: float, text: str, stable: int, *, final: bool = False, utterance: int = 1) -> Words:
    return Words(at, 0.0, at, "user", text, utterance, 0, stable, final)


BLOCKS: list[list[Percept]] = [
    [Activity(0.4, 0.2, 0.4, "user", True), words(0.4, "what", 0)],
    [words(0.8, "what time", 1)],
    [words(1.2, "what time is", 2), Sound(1.2, 1.0, 1.2, "dog", 0.7)],
    [],
    [words(2.0, "what time is it", 4, final=True), Activity(2.0, 0.2, 1.8, "user", False)],
]


def stream(family: str = "llama", *, keep_hidden: bool = False, prompt: str = "") -> ModelStream:
    return ModelStream(CausalLM(tiny(family), keep_hidden=keep_hidden), encode, prompt)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_decision_is_read_as_if_everything_were_computed_anew(family: str) -> None:
    reader, state, kept, text = stream(family, prompt="Decide."), StreamState(), "Decide.", StreamState().text
    for block, percepts in enumerate(BLOCKS):
        situation = Situation((block + 1) * BLOCK)
        cache, state = reader.read(percepts, situation, state)
        added, text = percept_text(percepts, text)
        kept += added
        seen = kept + open_words(text) + moment(situation, text)
        assert apart(cache.logits, whole(tiny(family), encode(seen))[-1]) < 1e-4
        assert state.cache.ids.tolist() == encode(kept)


def test_one_forward_pass_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, state = stream(), StreamState()
    calls: list[int] = []
    forward = reader.lm._forward
    monkeypatch.setattr(reader.lm, "_forward", lambda *args: calls.append(1) or forward(*args))
    for percepts in BLOCKS:
        _, state = reader.read(percepts, Situation(0.4), state)
    assert len(calls) == len(BLOCKS)


def test_a_state_is_a_snapshot() -> None:
    gate, state, kept = ControlTokenGate(stream(), TOKENS), StreamState(), StreamState()
    first = []
    for block, percepts in enumerate(BLOCKS):
        kept = state if block == 2 else kept
        verdict, state = gate.read(percepts, Situation(block * BLOCK), state)
        first.append(verdict)
    again, state = [], kept
    for block in range(2, len(BLOCKS)):
        verdict, state = gate.read(BLOCKS[block], Situation(block * BLOCK), state)
        again.append(verdict)
    assert again == first[2:]


def test_a_long_conversation_keeps_a_bounded_cache() -> None:
    reader, state = stream("qwen2"), StreamState()
    for number in range(40):
        said = words(float(number), "on and on and on it goes for ever", 9, final=True, utterance=number)
        cache, state = reader.read([said], Situation(float(number)), state)
    assert WINDOW / 2 < len(cache) <= WINDOW + 4
    assert np.isfinite(cache.logits.numpy()).all()


def test_a_model_whose_keys_cannot_move_begins_anew_before_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CausalLM, "movable", property(lambda lm: False))
    reader, state, lengths = stream(), StreamState(), []
    for number in range(40):
        said = words(float(number), "on and on and on it goes for ever", 9, final=True, utterance=number)
        _, state = reader.read([said], Situation(float(number)), state)
        lengths.append(len(state.cache))
    assert max(lengths) <= WINDOW and lengths != sorted(lengths)


class Logits:
    """A stream whose logits and hidden state are given."""

    lm: Any = None

    def __init__(self, logits: Sequence[float] = (), hidden: Sequence[float] = ()) -> None:
        import torch

        full = torch.zeros(97)
        full[90 : 90 + len(logits)] = torch.tensor(list(logits))
        self.cache = SimpleNamespace(logits=full, hidden=torch.tensor(list(hidden)))

    def read(self, percepts: object, situation: object, state: StreamState) -> tuple[Any, StreamState]:
        return self.cache, state


def decided(logits: Sequence[float], **options: float) -> tuple[str, float]:
    verdict, _ = ControlTokenGate(Logits(logits), TOKENS, **options).read([], Situation(0.0), StreamState())  # type: ignore[arg-type]
    assert verdict is not None
    return verdict.action, verdict.score


def test_the_likeliest_control_token_is_the_decision_and_its_probability_the_score() -> None:
    action, score = decided([0.0, 3.0, 0.0, 0.0, 0.0])
    assert (action, round(score, 3)) == ("respond", round(float(np.exp(3) / (np.exp(3) + 4)), 3))
    assert decided([5.0, 3.0, 0.0, 0.0, 0.0])[0] == "silent"
    assert decided([0.0, 1.0, 0.0, 0.0, 0.0])[0] == "silent"  # likeliest, but below the threshold
    assert decided([0.0, 1.0, 0.0, 0.0, 0.0], threshold=0.3)[0] == "respond"


def test_ties_are_silence_and_then_a_fixed_order() -> None:
    assert decided([1.0, 1.0, 1.0, 1.0, 1.0], threshold=0.0)[0] == "silent"
    assert decided([0.0, 1.0, 1.0, 1.0, 1.0], threshold=0.1)[0] == "yield"
    assert decided([0.0, 1.0, 1.0, 0.0, 1.0], threshold=0.1)[0] == "respond"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_are_an_error(value: float) -> None:
    with pytest.raises(ModelError, match="no numbers"):
        decided([value, 0.0, 0.0, 0.0, 0.0])
    with pytest.raises(ModelError, match="no numbers"):
        heads = Heads(np.ones((1, 1), np.float32), np.zeros(1, np.float32), ("respond",), (0.9,))
        gate = HiddenStateGate(Logits(hidden=[value * 0]), heads)  # type: ignore[arg-type]
        gate.read([], Situation(0.0), gate.initial_state())


def test_a_vocabulary_without_control_tokens_is_refused() -> None:
    tokenizer = SimpleNamespace(get_vocab=lambda: {"<|silent|>": 5, "hello": 6})
    with pytest.raises(ModelError, match=r"a/b: its vocabulary has no control tokens <\|respond\|>"):
        control_tokens("a/b", tokenizer)
    assert control_tokens("a/b", tokenizer, {"respond": "hello"}) == {"silent": 5, "respond": 6}


def test_heads_integrate_and_leak() -> None:
    heads = Heads(np.array([[0.4], [-0.2]], np.float32), np.zeros(2, np.float32), ("respond", "yield"), (1.0, 5.0))
    gate = HiddenStateGate(Logits(hidden=[1.0]), heads)  # type: ignore[arg-type]
    state, actions, scores = gate.initial_state(), [], []
    for block in range(6):
        verdict, state = gate.read([], Situation(block * BLOCK), state)
        assert verdict is not None
        actions.append(verdict.action)
        scores.append(verdict.score)
    # 0.599 a block: 0.6, 0.9, 1.05, and anew
    assert actions == ["silent", "silent", "respond"] * 2
    assert scores[2] == 1.0


def test_heads_read_the_last_hidden_state_of_the_real_stream() -> None:
    import torch

    model = tiny("qwen3")
    reader = stream("qwen3", keep_hidden=True)
    cache, state = reader.read(BLOCKS[4], Situation(2.4), StreamState())
    with torch.inference_mode():
        ids = torch.tensor([cache.ids.tolist()])
        expected = model(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states[-1][0, -1]
    assert apart(cache.hidden, expected) < 1e-4
    assert state.cache.hidden is None


def test_heads_are_written_and_read_and_checked(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    heads = Heads(
        rng.normal(size=(2, 32)).astype("f"), rng.normal(size=2).astype("f"), ("respond", "yield"), (0.9, 0.8)
    )
    save_heads(heads, tmp_path / "heads.safetensors")
    again = load_heads(tmp_path / "heads.safetensors", 32)
    assert np.array_equal(again.weight, heads.weight) and again.actions == heads.actions
    assert again.thresholds == heads.thresholds
    with pytest.raises(ModelError, match="width 32, and this model's are 64"):
        load_heads(tmp_path / "heads.safetensors", 64)
    with pytest.raises(ModelError, match="does not hold heads"):
        load_heads(tmp_path / "nothing.safetensors", 32)
    (tmp_path / "broken.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ModelError, match="does not hold heads"):
        load_heads(tmp_path / "broken.safetensors", 32)
    save_heads(Heads(heads.weight, heads.bias, ("respond", "dance"), (0.9, 0.8)), tmp_path / "x.safetensors")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="unknown actions: dance"):
        load_heads(tmp_path / "x.safetensors", 32)
    save_heads(Heads(heads.weight, heads.bias[:1], heads.actions, heads.thresholds), tmp_path / "y.safetensors")
    with pytest.raises(ModelError, match="do not fit one another"):
        load_heads(tmp_path / "y.safetensors", 32)


class Surprises:
    """A stream on which the held rest has a stated surprisal, one after another."""

    def __init__(self, surprisals: Sequence[float]) -> None:
        said = iter(surprisals)
        self.lm = SimpleNamespace(surprisal=lambda cache, ids: next(said))
        self.encode = encode

    def read(self, percepts: Sequence[Percept], situation: object, state: StreamState, ending: str) -> Any:
        return None, StreamState(percept_text(percepts, state.text)[1])


def held(surprisals: Sequence[float], percepts: Sequence[Percept] = ()) -> list[str]:
    gate, told = HeldReplyGate(Surprises(surprisals)), []  # type: ignore[arg-type]
    state = gate.initial_state()
    for block, _ in enumerate(surprisals):
        verdict, state = gate.read(percepts, Situation(block * BLOCK, held=True, rest="and Rome"), state)
        told.append(verdict.action if verdict else "-")
    return told


def test_a_held_reply_that_stays_likely_goes_on_and_one_that_does_not_gives_way() -> None:
    assert held([2.0, 2.0, 1.9]) == ["-", "resume", "resume"]
    assert held([2.0, 2.02, 2.5]) == ["-", "resume", "yield"]
    assert held([2.0, 2.0], [Activity(0.0, 0.0, 0.0, "user", True)]) == ["-", "silent"]
    with pytest.raises(ModelError, match="perplexity"):
        held([float("nan")])


def test_the_perplexity_of_a_held_reply_is_that_of_the_whole_text() -> None:
    import torch

    reader, model = stream("llama"), tiny("llama")
    gate = HeldReplyGate(reader)
    situation = Situation(2.4, held=True, rest="it is nine")
    assert gate.read(BLOCKS[4], Situation(2.4), gate.initial_state())[0] is None
    _, state = gate.read(BLOCKS[4], situation, HeldState())
    rest = encode(" it is nine")
    ids = [*state.stream.cache.ids.tolist(), *encode("\nassistant:"), *rest]
    logits = torch.log_softmax(whole(model, ids), -1)
    expected = -np.mean([float(logits[len(ids) - len(rest) - 1 + place, token]) for place, token in enumerate(rest)])
    assert state.surprisal == pytest.approx(expected, abs=1e-4)
