"""A conversation in the cache: what is heard, decided, said, interrupted and evicted, against computing it at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from duplex.models.interaction.speech_lm import layout as tokens
from duplex.models.interaction.speech_lm.conversation import Conversation, SpeechLM
from duplex.models.interaction.speech_lm.layout import layout_of
from duplex.models.interaction.speech_lm.mel import StreamingLogMel
from duplex.streaming.errors import ModelError, StageError
from duplex.streaming.lm.kv_cache import KVCache
from tests.models.interaction.speech_lm import tiny

BLOCK = 6400


@pytest.fixture(scope="module")
def lm() -> SpeechLM:
    network = tiny.network()
    return SpeechLM(network, tiny.spelling(layout_of(network)))


def hear(lm: SpeechLM, state: Conversation, blocks: int, seed: int = 0) -> float | None:
    """The decision after blocks of noise, heard one by one."""
    score = None
    samples = np.concatenate([tiny.sound(0.4 * blocks, seed), np.zeros(40, np.float32)])
    lm.listen(state, samples[:40])
    for number in range(blocks):
        assert lm.listen(state, samples[40 + number * BLOCK : 40 + (number + 1) * BLOCK]) == 1
        score = lm.decide(state)
    return score


def features(lm: SpeechLM, blocks: int, seed: int = 0) -> list[Any]:
    """The same blocks, encoded at once."""
    frames = StreamingLogMel(16).forward(np.concatenate([tiny.sound(0.4 * blocks, seed), np.zeros(40, np.float32)]))
    return lm.network.encode([frames[number * 40 : (number + 1) * 40] for number in range(blocks)])


def logits_of(lm: SpeechLM, parts: list[Any]) -> Any:
    """After ids (lists) and audio (embeddings) in one pass."""
    import torch

    given = torch.cat([lm.network.embed(part) if isinstance(part, list | tuple) else part for part in parts])
    return lm.network.lm.append_embeddings(KVCache(), given)


def score_of(logits: Any) -> float:
    return float(logits[[tokens.KEEP_SILENCE, tokens.TEXT_BEGIN]].softmax(0)[1])


def block(embeddings: Any) -> list[Any]:
    return [[tokens.AUDIO_BEGIN], embeddings, [tokens.ASSISTANT]]


def close(first: float | None, second: float) -> bool:
    return first is not None and abs(first - second) < 1e-4


def test_each_decision_is_that_of_the_layout_of_audio_interaction(lm: SpeechLM) -> None:
    """prefix, then for each block [AUDIO_BEGIN] 10 embeddings [ASSISTANT] and, where nothing was said, KEEP_SILENCE."""
    state = lm.initial_state()
    assert list(lm.layout.prefix[:4]) == [151_609, 151_611, 151_644, 151_644] and lm.layout.prefix[-1] == 151_643
    parts: list[Any] = [list(lm.layout.prefix)]
    scores = []
    for number, embeddings in enumerate(features(lm, 4)):
        parts += [*([[tokens.KEEP_SILENCE]] if number else []), *block(embeddings)]
        scores.append(score_of(logits_of(lm, parts)))
    assert np.ptp(scores) > 1e-3
    assert close(hear(lm, state, 4), scores[-1])


def test_blocks_that_waited_are_drained_with_one_decision(lm: SpeechLM) -> None:
    one, other = lm.initial_state(), lm.initial_state()
    expected = hear(lm, one, 5)
    assert lm.listen(other, np.concatenate([tiny.sound(2.0), np.zeros(40, np.float32)])) == 5
    assert close(lm.decide(other), expected or 0.0)
    assert lm.decide(other) is None  # nothing new


def replying(lm: SpeechLM, count: int) -> Conversation:
    state = lm.initial_state()
    hear(lm, state, 3)
    lm.open_reply(state)
    for _ in range(count):
        assert lm.next_token(state) is not None
    return state


def history(lm: SpeechLM, state: Conversation) -> list[Any]:
    """Three blocks and the beginning of the reply."""
    heard = features(lm, 3)
    silent = [tokens.KEEP_SILENCE]
    return [lm.layout.prefix, *block(heard[0]), silent, *block(heard[1]), silent, *block(heard[2]), [tokens.TEXT_BEGIN]]


def test_a_decision_over_a_reply_is_as_if_it_were_over(lm: SpeechLM) -> None:
    state = replying(lm, 6)
    assert state.reply is not None
    said = state.reply.tokens[: state.reply.appended]
    before = len(state.cache)
    score = hear(lm, state, 1, seed=5)
    whole = [*history(lm, state), said, [tokens.TEXT_END]]
    frames = state.queue
    assert close(score, score_of(logits_of(lm, [*whole, *block(frames[0])])))
    assert len(state.cache) == before  # the reply is still the end of it
    second = hear(lm, state, 1, seed=6)
    expected = [*whole, *block(frames[0]), [tokens.KEEP_SILENCE], *block(state.queue[1])]
    assert close(second, score_of(logits_of(lm, expected)))


@pytest.mark.parametrize("kept", [0, 3, 8])
def test_what_was_not_heard_is_cut_off_exactly(lm: SpeechLM, kept: int) -> None:
    """Then the blocks that waited follow, with one decision."""
    state = replying(lm, 8)
    assert state.reply is not None
    said = list(state.reply.tokens)
    hear(lm, state, 2, seed=5)
    waiting = list(state.queue)
    heard = lm.text_of(said[:kept])
    assert len(heard) == kept
    lm.settle(state, f" {heard.capitalize()}… ")
    lm.drain(state)
    past = history(lm, state)
    if kept:
        past += [said[:kept], [tokens.TEXT_END]]
    else:
        past[-1] = [tokens.KEEP_SILENCE]  # nobody heard that it had begun to speak
    whole = [*past, *block(waiting[0]), [tokens.KEEP_SILENCE], *block(waiting[1])]
    assert float((state.cache.logits - logits_of(lm, whole)).abs().max()) < 1e-4


def test_a_reply_that_was_heard_whole_leaves_nothing_to_compute(lm: SpeechLM) -> None:
    state = replying(lm, 5)
    assert state.reply is not None
    state.reply.complete = True
    said = list(state.reply.tokens)
    score = hear(lm, state, 2, seed=5)
    waiting, logits = list(state.queue), state.branch.cache.logits if state.branch else None
    lm.settle(state, lm.text_of(said))
    assert not state.queue and state.tail == "block" and state.cache.logits is logits
    whole = [
        *history(lm, state),
        said,
        [tokens.TEXT_END],
        *block(waiting[0]),
        [tokens.KEEP_SILENCE],
        *block(waiting[1]),
    ]
    assert close(score, score_of(logits_of(lm, whole)))


def test_a_reply_in_other_words_than_it_was_spoken_is_kept_as_spoken(lm: SpeechLM) -> None:
    state = replying(lm, 5)
    lm.settle(state, "two plus two")
    past = [*history(lm, state), lm.layout.encode("two plus two")]
    assert float((state.cache.logits - logits_of(lm, past)).abs().max()) < 1e-4


def test_own_speech_that_was_not_the_models_is_text_in_its_place(lm: SpeechLM) -> None:
    state = lm.initial_state()
    hear(lm, state, 3)
    lm.said(state, "the timer is over")
    past = [*history(lm, state), lm.layout.encode("the timer is over")]
    assert float((state.cache.logits - logits_of(lm, past)).abs().max()) < 1e-4
    score = hear(lm, state, 1, seed=7)
    assert score is not None and state.tail == "block"


def test_whole_blocks_are_evicted_and_the_prefix_stays(lm: SpeechLM) -> None:
    network = tiny.network()
    prefix = len(layout_of(network).prefix)
    small = SpeechLM(network, layout_of(network), context=prefix + 100)
    state = small.initial_state()
    sizes = []
    for seed in range(30):
        assert hear(small, state, 1, seed) is not None
        sizes.append(len(state.cache))
    assert max(sizes) <= prefix + 100 and sizes[-1] == sizes[-14]
    assert tuple(state.cache.ids[:prefix]) == small.layout.prefix
    _, counts = np.unique(state.cache.blocks[prefix:], return_counts=True)
    assert set(counts[:-1]) == {13} and counts[-1] == 12  # the last has no control token yet
    assert (state.cache.positions == np.arange(len(state.cache))).all()


def test_a_tag_comes_first_or_not_at_all_and_controls_are_never_said() -> None:
    """Whatever the logits are."""
    import torch

    network = tiny.network()
    lm = SpeechLM(network, layout_of(network))
    state = replying(lm, 0)
    wild = torch.full((tiny.VOCABULARY,), -1.0)
    wild[list(tokens.CONTROLS)] = 9.0
    wild[151_650] = 99.0
    wild[80] = 1.0

    def shown(*_: Any) -> Any:
        return wild

    lm._numbers = shown  # type: ignore[method-assign]
    first, second = lm.next_token(state), lm.next_token(state)
    assert first in tokens.EMOTIONS and second == 80
    assert lm.text_of([first or 0, 80]) == lm.text_of([80])


def test_logits_that_are_no_numbers_are_said_so(lm: SpeechLM) -> None:
    state = lm.initial_state()
    hear(lm, state, 1)
    state.cache.logits = state.cache.logits * np.nan
    with pytest.raises(ModelError, match="logits are not numbers"):
        lm._read(state.cache)


def test_one_reply_at_a_time(lm: SpeechLM) -> None:
    state = replying(lm, 1)
    with pytest.raises(StageError, match="open already"):
        lm.open_reply(state)


def test_the_queue_behind_a_reply_is_bounded(lm: SpeechLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duplex.models.interaction.speech_lm.conversation.WAITING", 3)
    state = replying(lm, 2)
    for seed in range(6):
        hear(lm, state, 1, seed)
    assert len(state.queue) == 3
    assert hear(lm, state, 1, 9) is not None


def test_a_model_of_the_chat_template_does_not_decide_and_hears_the_turns_rest() -> None:
    network = tiny.network("qwen2_audio", released=False)
    lm = SpeechLM(network, layout_of(network, "Be brief."))
    state = lm.initial_state()
    assert lm.listen(state, tiny.sound(2.5)) == 1  # of two seconds
    assert lm.decide(state) is None
    lm.open_reply(state)
    audio = [list(lm.layout.before), list(lm.layout.after)]
    frames = StreamingLogMel(16).step(tiny.sound(2.5), StreamingLogMel(16).initial_state())[0]
    heard = network.encode([frames[:200]]) + network.encode([frames[200:248]])
    whole = [lm.layout.prefix]
    for embeddings in heard:
        whole += [audio[0], embeddings, audio[1]]
    assert float((state.cache.logits - logits_of(lm, [*whole, lm.layout.open])).abs().max()) < 1e-4
    for _ in range(3):
        lm.next_token(state)
    said = list(state.reply.tokens) if state.reply else []
    lm.settle(state, "otherwise")
    past = [*whole, lm.layout.open, lm.layout.encode("otherwise"), lm.layout.interrupted]
    assert said and float((state.cache.logits - logits_of(lm, past)).abs().max()) < 1e-4
