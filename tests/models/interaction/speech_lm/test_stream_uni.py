"""StreamUni over a tiny thinker of random weights. What it writes is scripted token by token; what it hears, keeps and
computes is its own."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from duplex.models.interaction.speech_lm import stream_uni
from duplex.models.interaction.speech_lm.mel import StreamingLogMel
from duplex.models.interaction.speech_lm.stream_uni import SpeechTranslator, Translating
from duplex.streaming.errors import ModelError
from duplex.streaming.lm.kv_cache import KVCache
from tests.models.interaction.speech_lm import tiny

STEP = 10_240
SPOKEN = [
    *["we", "met", "at", "noon.", "then", "we", "ate."],
    *["it", "was", "a", "good", "day", "and", "we", "all", "went", "home", "late"],
]


class Scripted(SpeechTranslator):
    """The transcript has a word for each block of the open segment; the translation is the transcript in capitals."""

    def __init__(self, spoken: list[str], **policy: int) -> None:
        super().__init__(tiny.network(released=False), "German", **policy)
        self.spoken = spoken
        self.dropped = 0
        self.encoded = 0
        self.lm.choose = self._choose  # type: ignore[method-assign]
        encode = self.lm.network.encode

        def counting(blocks: Any) -> Any:
            self.encoded += len(blocks)
            return encode(blocks)

        object.__setattr__(self.lm, "network", _With(self.lm.network, counting))

    def _drop(self, state: Translating, blocks: int) -> None:
        self.dropped += blocks
        super()._drop(state, blocks)

    def _choose(self, cache: KVCache, said: Any) -> int:
        ids = cache.ids.tolist()
        opening = list(self._ask)
        place = next(at for at in range(len(ids), 0, -1) if ids[at - len(opening) : at] == opening)
        written = tiny.tokenizer().decode(ids[place:])
        blocks = ids.count(self.lm.layout.before[0])
        heard = " ".join(self.spoken[self.dropped : self.dropped + blocks])
        transcript = written.partition(" <sep>")[0] if "<sep>" in written else heard
        whole = f"{transcript} <sep> {transcript.upper()}"
        rest = whole[len(written) :]
        return self.lm.layout.encode(rest)[0] if rest else min(self.lm.layout.ends)


class _With:
    """A network with another `encode`."""

    def __init__(self, network: Any, encode: Any) -> None:
        self._network, self.encode = network, encode

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)


@pytest.fixture(autouse=True)
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny tokenizer has a token for each letter."""
    monkeypatch.setattr(stream_uni, "TOKENS_PER_SECOND", 60)
    monkeypatch.setattr(stream_uni, "TOKENS_PER_WORD", 40)


def run(translator: Scripted, steps: int) -> tuple[list[tuple[str, ...]], Translating]:
    state, written = translator.initial_state(), []
    samples = tiny.sound(0.64 * steps)
    for at in range(0, len(samples), STEP):
        if (out := translator.hear(state, samples[at : at + STEP])) is not None:
            written.append(out.words)
    if (out := translator.finish(state)) is not None:
        written.append(out.words)
    return written, state


def test_all_is_translated_once_and_nothing_is_taken_back() -> None:
    translator = Scripted(SPOKEN, k=2)
    written, state = run(translator, len(SPOKEN))
    assert written[-1] == tuple(word.upper() for word in SPOKEN)
    for before, after in itertools.pairwise(written):
        assert after[: len(before)] == before
    assert len(written[0]) <= 2 and len(written) > 6  # while the speaker goes on
    assert state.policy.cuts[:2] == [4, 7]  # at the ends of sentences
    assert translator.encoded == len(SPOKEN)  # each block once, though segments were dropped
    assert [segment.said for segment in state.segments[:2]] == [tuple(SPOKEN[:4]), tuple(SPOKEN[4:7])]
    assert [word for segment in state.segments for word in segment.written] == list(written[-1])
    assert state.segments[0].start == 0 and state.segments[0].end == pytest.approx(4 * stream_uni.STEP)
    for before, after in itertools.pairwise(state.segments):
        assert before.end == after.start < after.end


def test_writing_lags_behind_hearing_by_words() -> None:
    translator = Scripted([f"w{number}" for number in range(12)], k=4)
    state, samples = translator.initial_state(), tiny.sound(0.64 * 8)
    heard = 0
    for at in range(0, len(samples), STEP):
        written = translator.hear(state, samples[at : at + STEP])
        heard = len(state.kept)
        assert len(written.words if written else ()) <= max(0, heard - 4 + 1)
    assert heard == 7


def test_what_is_asked_follows_the_audio_in_the_cache_exactly() -> None:
    import torch

    translator = SpeechTranslator(tiny.network(released=False), "German")
    state = translator.initial_state()
    samples = tiny.sound(0.64 * 2 + 0.05)
    translator.lm.layout = tiny.spelling(translator.lm.layout)
    for at in range(0, len(samples), 4000):
        translator.hear(state, samples[at : at + 4000])
    lm, layout = translator.lm, translator.lm.layout
    trial = state.hearing.cache.fork()
    logits = lm.network.lm.append(trial, translator._ask)
    frames = StreamingLogMel(16).forward(samples)
    parts = [lm.network.embed(layout.prefix)]
    for block in lm.network.encode([frames[at : at + 64] for at in (0, 64)]):
        parts += [lm.network.embed(layout.before), block, lm.network.embed(layout.after)]
    whole = lm.network.lm.append_embeddings(KVCache(), torch.cat([*parts, lm.network.embed(translator._ask)]))
    assert float((logits - whole).abs().max()) < 1e-4


def test_silence_is_given_up_and_the_cache_stays_small() -> None:
    translator = Scripted([])
    written, state = run(translator, 12)
    assert not written and len(state.kept) < stream_uni.BLANK and len(state.hearing.cache) < 200


def test_nothing_at_all() -> None:
    translator = Scripted([])
    assert run(translator, 0)[0] == []


def test_a_sentence_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_uni, "LONGEST", 0.64 * 6)
    translator = Scripted([f"w{number}" for number in range(20)], k=3)
    written, state = run(translator, 20)
    assert written[-1] == tuple(f"W{number}" for number in range(20))
    assert len(state.policy.cuts) >= 3


def test_a_loop_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_uni, "TOKENS_PER_WORD", 4000)
    translator = Scripted(["go"] * 3, k=1)
    loop = translator.lm.layout.encode(" on and on")

    def looping(cache: KVCache, said: Any) -> int:
        return loop[len(said) % len(loop)]

    translator.lm.choose = looping  # type: ignore[method-assign]
    text = translator._written(_heard(translator).hearing.cache, (), 4000)
    assert 10 < len(text.split()) < 100


def _heard(translator: Scripted) -> Translating:
    state = translator.initial_state()
    translator.lm.listen(state.hearing, tiny.sound(2.0))
    translator.lm.drain(state.hearing)
    return state


def test_damaged_weights() -> None:
    translator = SpeechTranslator(tiny.network(released=False), "German")
    state = _heard(translator)  # type: ignore[arg-type]
    state.hearing.cache.logits = None
    append = translator.lm.network.lm.append

    def damaged(cache: KVCache, ids: Any, policy: Any = None) -> Any:
        append(cache, ids, policy)
        cache.logits = cache.logits * np.nan

    translator.lm.network.lm.append = damaged  # type: ignore[method-assign]
    state.kept = [None]
    with pytest.raises(ModelError, match="logits are not numbers"):
        translator.transcript(state)
