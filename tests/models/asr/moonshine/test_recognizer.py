"""Moonshine on real speech: words as people write them, with times; drafts and threads change nothing."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from duplex.models.asr import load_recognizer
from duplex.models.asr.contract import Hypothesis
from duplex.models.asr.moonshine import Moonshine
from duplex.models.asr.moonshine.network import load_network
from duplex.models.asr.moonshine.tokens import END
from duplex.models.asr.spelling import said
from duplex.models.asr.sphinx import PocketSphinx
from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Voice
from duplex.streaming.errors import ModelError, SettingsError
from duplex.streaming.policies.local_agreement import comparable
from duplex.streaming.resample import resample

SECOND = 16_000


def hear(recognizer: Moonshine, samples: np.ndarray) -> list[Hypothesis]:
    state, hypotheses = recognizer.initial_state(), []
    for at in range(0, len(samples), recognizer.hop):
        hypothesis, state = recognizer.step(samples[at : at + recognizer.hop], state)
        hypotheses += [hypothesis] if hypothesis is not None else []
    return [*hypotheses, recognizer.flush(state)]


def test_a_question_is_written_as_people_write(recognizer: Moonshine, question: np.ndarray) -> None:
    hypotheses = hear(recognizer, question)
    final = hypotheses[-1]
    assert (final.text, final.stable, final.final) == ("What time is it in Tokyo?", 6, True)
    assert all(a.end <= b.start for a, b in zip(final.words[:-1], final.words[1:], strict=True))
    assert all(0 <= word.start < word.end <= len(question) for word in final.words)
    assert all(0.3 < word.confidence <= 1.0 for word in final.words)
    before: list[str] = []
    for hypothesis in hypotheses:
        texts = [comparable(word.text) for word in hypothesis.words]
        assert texts[: len(before)] == before
        before = texts[: hypothesis.stable]
    assert any(hypothesis.stable for hypothesis in hypotheses[:-1])


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.8, 1.0, 1.2])
def test_money_that_is_rewritten_on_the_way_is_said_once(recognizer: Moonshine, rate: float) -> None:
    voice = load_synthesizer("espeak")
    text = "It costs twenty three dollars and fifty cents, and seventeen people paid for it."
    speech = np.concatenate([chunk.samples for chunk in voice.synthesize(text, Voice(rate=rate))])
    samples = resample(speech, voice.sample_rate, SECOND)
    hypotheses = hear(recognizer, np.pad(samples, (3200, 8000 + -len(samples) % 1600)).astype(np.float32))
    before: list[str] = []
    for hypothesis in hypotheses:
        texts = [comparable(word.text) for word in hypothesis.words]
        assert texts[: len(before)] == before
        before = texts[: hypothesis.stable]
    said_words = said(" ".join(word.text for word in hypotheses[-1].words), "en").lower().replace("-", " ")
    for word in ("twenty", "fifty", "seventeen", "paid"):
        assert said_words.count(word) == 1, said_words


@pytest.mark.parametrize("draft", ["the same", "cut short", "one wrong", "one missing", "nonsense", "too long"])
def test_a_draft_changes_no_token(folder: Path, question: np.ndarray, draft: str) -> None:
    network = load_network(folder)
    states = network.encode(question)
    plain = network.decode(states, len(question), 40)
    tokens = plain.tokens
    drafts = {
        "the same": tokens,
        "cut short": tokens[:3],
        "one wrong": [*tokens[:2], 777, *tokens[3:]],
        "one missing": [*tokens[:2], *tokens[3:]],
        "nonsense": [500, 600, 700] * 9,
        "too long": tokens * 4,
    }
    drafted = network.decode(states, len(question), 40, drafts[draft])
    assert drafted.tokens == tokens and END not in tokens
    assert drafted.ended and plain.ended
    assert drafted.attention.shape == plain.attention.shape == (len(tokens), *plain.attention.shape[1:])
    np.testing.assert_allclose(drafted.chances, plain.chances, atol=0.35)  # int8 scales depend on what is run together


def test_the_limit_of_tokens_is_kept(folder: Path, question: np.ndarray) -> None:
    network = load_network(folder)
    states = network.encode(question)
    for draft in ([], network.decode(states, len(question), 40).tokens):
        cut = network.decode(states, len(question), 3, draft)
        assert len(cut.tokens) == 3 and not cut.ended


def test_many_threads_share_one_set_of_weights(folder: Path, recognizer: Moonshine, question: np.ndarray) -> None:
    assert load_network(folder) is load_network(folder / ".")
    with ThreadPoolExecutor(4) as threads:
        heard = list(threads.map(lambda _: hear(recognizer, question), range(4)))
    assert all(hypotheses == heard[0] for hypotheses in heard)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.5, 3.0])
def test_silence_and_noise_have_no_words(recognizer: Moonshine, seconds: float) -> None:
    rng = np.random.default_rng(1)
    for level in (0.0, 1e-4, 0.05):
        assert recognizer.transcribe(rng.normal(0, level, round(seconds * SECOND)).astype(np.float32)) == []


def test_soft_and_loud_are_heard_alike(recognizer: Moonshine, question: np.ndarray) -> None:
    for gain in (0.01, 4.0):
        words = recognizer.transcribe((question * gain).astype(np.float32))
        assert " ".join(comparable(word.text) for word in words) == "what time is it in tokyo"


def test_hotwords_that_nobody_said_are_not_heard(folder: Path, question: np.ndarray) -> None:
    biased = Moonshine(folder, hotwords="Duplex, Ann, Tokamak, wattage")
    assert hear(biased, question)[-1].text == "What time is it in Tokyo?"


def test_a_damaged_folder_is_one_line(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    decoder = tmp_path / "copy" / "decoder_model_merged.ort"
    decoder.write_bytes(decoder.read_bytes()[:5000])
    with pytest.raises(ModelError, match="not the networks of Moonshine") as caught:
        Moonshine(tmp_path / "copy")
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match=r"tokenizer\.bin"):
        Moonshine(tmp_path)
    shutil.copy(tmp_path / "copy" / "encoder_model.ort", decoder)
    with pytest.raises(ModelError, match="not the networks"):
        Moonshine(tmp_path / "copy")


def test_another_language_is_refused_before_anything_is_pulled() -> None:
    with pytest.raises(ModelError, match="hears only English"):
        load_recognizer("moonshine-tiny", language="de")
    with pytest.raises(ModelError, match="hears only English"):
        load_recognizer("moonshine-base-en", language="de")
    with pytest.raises(ModelError, match="smart-turn-v3 is not for asr"):
        load_recognizer("smart-turn-v3")
    with pytest.raises(ModelError, match="choose a multilingual model"):
        load_recognizer("auto", language="de")


def test_without_weights_pocketsphinx_listens_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path))
    monkeypatch.setenv("DUPLEX_OFFLINE", "1")
    engine = load_recognizer("auto", language="en-GB")
    try:
        assert isinstance(engine, PocketSphinx)
    finally:
        engine.close()
    (record,) = caplog.records
    assert "pocketsphinx listens instead" in record.getMessage() and "\n" not in record.getMessage()
    with pytest.raises(ModelError, match="DUPLEX_OFFLINE"):
        load_recognizer("moonshine-tiny")


@pytest.mark.parametrize("words", [",".join(f"word{i}" for i in range(300)), "a" * 100, "!?"])
def test_what_cannot_be_hotwords_is_refused(words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="hotwords"):
        Moonshine(tmp_path, hotwords=words)


def test_a_second_pass_goes_over_the_first(folder: Path, question: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = Moonshine(folder, live=False, second=folder)
    assert hear(twice, question)[-1].text == "What time is it in Tokyo?"
    assert len(hear(twice, question)) == 1
    second = twice._second
    assert second is not None
    monkeypatch.setattr(second, "hear", lambda samples, draft: ([], []))
    assert hear(twice, question)[-1].text == "What time is it in Tokyo?"


@pytest.mark.parametrize(("setting", "free", "expected"), [("auto", 1 << 40, True), ("auto", 1 << 20, False)])
def test_a_second_pass_needs_weights_and_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str, free: int, expected: bool
) -> None:
    monkeypatch.setattr("duplex.models.store.find", lambda name: folder)
    monkeypatch.setattr("duplex.models.asr._free_memory", lambda: free)
    recognizer = load_recognizer(str(folder), live=False, second_pass=setting)
    assert (recognizer._second is not None) is expected
    assert load_recognizer(str(folder), second_pass=setting)._second is None
