"""Recognizers of the transformers library, on tiny random models of the very same classes, offline."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from duplex.models.asr import load_recognizer
from duplex.models.asr.transformers_asr import SpeechCtc, SpeechSeq2Seq
from duplex.models.store import Entry, File, LocalSource
from duplex.streaming.errors import ModelError, SettingsError, StageError
from tests.models.asr.tiny_models import save_wav2vec2, save_whisper

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
SECOND = 16_000


@pytest.fixture(scope="session", autouse=True)
def offline() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="session")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="session")
def english_whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_whisper(tmp_path_factory.mktemp("english"), multilingual=False, alignment_heads=False)


@pytest.fixture(scope="session")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_wav2vec2(tmp_path_factory.mktemp("wav2vec2"))


@pytest.fixture
def voice() -> np.ndarray:
    time = np.arange(2 * SECOND) / SECOND
    rng = np.random.default_rng(1)
    syllables = np.maximum(0.0, np.sin(2 * np.pi * 2 * time))
    return (syllables * (np.sign(np.sin(2 * np.pi * 110 * time)) * 0.2 + rng.normal(0, 0.05, 2 * SECOND))).astype("f4")


def hear(recognizer: Any, samples: np.ndarray) -> list[Any]:
    """Every hypothesis, the final one last; checks what the contract says about them."""
    state, hypotheses = recognizer.initial_state(), []
    for at in range(0, len(samples) - recognizer.hop + 1, recognizer.hop):
        hypothesis, state = recognizer.step(samples[at : at + recognizer.hop], state)
        hypotheses += [hypothesis] if hypothesis is not None else []
    hypotheses.append(recognizer.flush(state))
    before: list[str] = []
    for hypothesis in hypotheses:
        texts = [word.text for word in hypothesis.words]
        assert texts[: len(before)] == before
        assert all(text and not any(map(str.isspace, text)) for text in texts)
        assert all(0 <= word.start < word.end <= len(samples) for word in hypothesis.words)
        assert all(0.0 <= word.confidence <= 1.0 for word in hypothesis.words)
        assert all(a.start <= b.start for a, b in zip(hypothesis.words[:-1], hypothesis.words[1:], strict=True))
        before = texts[: hypothesis.stable]
    assert hypotheses[-1].final and hypotheses[-1].stable == len(hypotheses[-1].words)
    return hypotheses


@pytest.mark.parametrize("model", ["whisper", "english_whisper", "wav2vec2"])
def test_each_kind_streams_from_a_folder_and_repeats_itself(
    model: str, voice: np.ndarray, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(model)
    recognizer = load_recognizer(str(folder), interval=1.0)
    hypotheses = hear(recognizer, voice)
    assert hypotheses[-1].words, "the tiny model says nothing: choose another seed"
    assert hear(load_recognizer(str(folder), interval=1.0), voice) == hypotheses
    recognizer.close()


def test_a_model_of_the_store_is_pulled(
    whisper: Path, voice: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tuple(File(path.name) for path in whisper.iterdir())
    entry = Entry("whisper-own", "asr", ("many",), "MIT", files, (LocalSource(str(whisper)),), "for tests", 1)
    monkeypatch.setattr("duplex.models.store.CATALOG", {entry.name: entry})
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path))
    recognizer = load_recognizer("whisper-own", interval=1.0)
    assert hear(recognizer, voice) == hear(load_recognizer(str(whisper), interval=1.0), voice)
    recognizer.close()


def test_word_times_come_from_attention_only_where_the_model_has_alignment_heads(
    whisper: Path, english_whisper: Path
) -> None:
    times = [load_recognizer(str(folder)).times for folder in (whisper, english_whisper)]
    assert times == ["attention", "interpolated"]


def test_language_and_task_are_those_of_the_model(whisper: Path, english_whisper: Path) -> None:
    assert load_recognizer(str(whisper), language="de", task="translate").name == str(whisper)
    with pytest.raises(SettingsError, match="does not know the language 'xx'"):
        load_recognizer(str(whisper), language="xx")
    assert "de" in load_recognizer(str(whisper), language="de-AT").languages
    with pytest.raises(SettingsError, match="must be transcribe or translate"):
        load_recognizer(str(whisper), task="sing")
    with pytest.raises(SettingsError, match="not multilingual"):
        load_recognizer(str(english_whisper), language="de")


def test_whisper_tokens_become_words_with_times_and_confidence(whisper: Path) -> None:
    recognizer = load_recognizer(str(whisper), language="en")
    assert isinstance(recognizer, SpeechSeq2Seq)
    tokenizer = recognizer._tokenizer
    tokens = [*tokenizer.encode(" Hi, you é", add_special_tokens=False), tokenizer.eos_token_id]
    scores = torch.full((len(tokens), 1, len(tokenizer)), -20.0)
    scores[torch.arange(len(tokens)), 0, torch.tensor(tokens)] = 20.0
    begun = [257, 258, 261, 265]
    ends = [0.0] * len(begun) + [0.1 * (index + 1) for index in range(len(tokens))]

    class Fixed:
        generation_config, config = recognizer._network.generation_config, recognizer._network.config
        device, dtype = torch.device("cpu"), torch.float32

        def generate(self, **options: Any) -> dict[str, Any]:
            return {
                "scores": tuple(scores),
                "sequences": torch.tensor([begun + tokens]),
                "token_timestamps": torch.tensor([ends]),
            }

    recognizer._network = Fixed()
    words = recognizer.transcribe(np.zeros(2 * SECOND, np.float32))
    assert [word.text for word in words] == ["Hi,", "you", "é"]
    assert [(word.start, word.end) for word in words] == [(1600, 6400), (8000, 12_800), (14_400, 17_600)]
    assert all(word.confidence > 0.99 for word in words)


def test_ctc_frames_become_words_with_times_and_confidence(wav2vec2: Path) -> None:
    recognizer = load_recognizer(str(wav2vec2))
    assert isinstance(recognizer, SpeechCtc)
    ids = recognizer._tokenizer.get_vocab()
    frames = ["<pad>", "H", "H", "<pad>", "I", "|", "<pad>", "T", "O", "O", "<pad>", "O", "</s>", "|", "<pad>", "<pad>"]
    logits = torch.full((1, len(frames), len(ids)), -20.0)
    for index, token in enumerate(frames):
        logits[0, index, ids[token]] = 20.0
    network = recognizer._network
    recognizer._network = lambda **features: SimpleNamespace(logits=logits)
    recognizer._network.device, recognizer._network.dtype = network.device, network.dtype
    words = recognizer.transcribe(np.zeros(320 * len(frames), np.float32))
    assert [(word.text, word.start // 320, word.end // 320) for word in words] == [("hi", 1, 5), ("too", 7, 12)]
    assert all(word.confidence > 0.99 for word in words)


def test_letters_keep_their_case_where_the_model_has_both(tmp_path: Path) -> None:
    recognizer = load_recognizer(str(save_wav2vec2(tmp_path, letters="abcABC")))
    assert [recognizer._text(recognizer._tokenizer.get_vocab()[letter]) for letter in "aA"] == ["a", "A"]


@pytest.mark.parametrize("count", [1, 100, 399, 1600])
@pytest.mark.parametrize("model", ["whisper", "wav2vec2"])
def test_a_few_samples_are_enough(model: str, count: int, request: pytest.FixtureRequest) -> None:
    recognizer = load_recognizer(str(request.getfixturevalue(model)))
    words = recognizer.transcribe(np.full(count, 0.1, np.float32))
    assert all(0 <= word.start < word.end for word in words)


def test_what_cannot_be_had_is_said_in_one_line(tmp_path: Path, wav2vec2: Path) -> None:
    (tmp_path / "empty").mkdir()
    bert = tmp_path / "bert"
    bert.mkdir()
    (bert / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"]}), "utf-8")
    for name, reason in [
        ("nobody/has-this-recognizer", "not in the cache and cannot be downloaded"),
        (str(tmp_path / "nowhere"), "no such folder"),
        (str(tmp_path / "empty"), "empty"),
        (str(bert), "no speech recognizer"),
    ]:
        with pytest.raises(ModelError, match=reason) as caught:
            load_recognizer(name)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="cannot run on"):
        load_recognizer(str(wav2vec2), device="nothing")
    with pytest.raises(SettingsError, match="has no setting task"):
        load_recognizer(str(wav2vec2), task="translate")


def test_a_model_for_another_rate_is_refused(tmp_path: Path) -> None:
    folder = save_wav2vec2(tmp_path)
    written = folder / "preprocessor_config.json"
    written.write_text(json.dumps({**json.loads(written.read_text("utf-8")), "sampling_rate": 8000}), "utf-8")
    with pytest.raises(ModelError, match="8000 Hz"):
        load_recognizer(str(folder))


def test_a_failing_model_costs_its_own_output(wav2vec2: Path) -> None:
    recognizer = load_recognizer(str(wav2vec2))

    def broken(**features: Any) -> None:
        raise RuntimeError("out of memory\nlong explanation")

    broken.device, broken.dtype = recognizer._network.device, recognizer._network.dtype
    recognizer._network = broken
    with pytest.raises(StageError, match=r"failed: out of memory$"):
        recognizer.transcribe(np.zeros(SECOND, np.float32))


class Listening:
    """A network of the Whisper class that says `said` of the sound up to where each token lies (seconds, attended)."""

    def __init__(self, recognizer: SpeechSeq2Seq, said: list[tuple[str, float]]) -> None:
        self.generation_config, self.config = recognizer._network.generation_config, recognizer._network.config
        self.device, self.dtype = torch.device("cpu"), torch.float32
        self.passes = 0
        self._tokenizer = recognizer._tokenizer
        self._said = [
            (token, place) for text, place in said for token in self._tokenizer.encode(text, add_special_tokens=False)
        ]

    def generate(self, attention_mask: Any, **options: Any) -> dict[str, Any]:
        self.passes += 1
        heard = int(attention_mask.sum()) / 100
        said = [(token, place) for token, place in self._said if place < heard]
        tokens = [*(token for token, _ in said), self._tokenizer.eos_token_id]
        places = [*(place for _, place in said), heard]
        scores = torch.full((len(tokens), 1, len(self._tokenizer)), -20.0)
        scores[torch.arange(len(tokens)), 0, torch.tensor(tokens)] = 20.0
        steps = []
        for index, place in enumerate(places):  # the first step sees the four tokens that begin an answer
            weights = torch.zeros(1, 2, 4 if index == 0 else 1, 1500)
            weights[..., -1, min(1499, int(place * 50))] = 1.0
            steps.append((weights, weights))
        return {
            "scores": tuple(scores),
            "sequences": torch.tensor([[257, 258, 261, 265, *tokens]]),
            "token_timestamps": torch.tensor([[0.0] * 4 + places]),
            "cross_attentions": tuple(steps),
        }


SAID = [(" Red", 0.3), (" green", 0.8), (" blue", 1.3), (" black", 1.9)]


def listen(folder: Path, policy: str, seconds: float, **settings: Any) -> tuple[list[Any], int]:
    recognizer = load_recognizer(str(folder), language="en", policy=policy, interval=0.5, **settings)
    recognizer._network = network = Listening(recognizer, SAID)
    return hear(recognizer, np.full(round(seconds * SECOND), 0.1, np.float32)), network.passes


def test_align_att_holds_back_what_was_heard_at_the_end(whisper: Path) -> None:
    hypotheses, _ = listen(whisper, "align_att", 2.0)
    held = [(len(hypothesis.words), hypothesis.stable) for hypothesis in hypotheses]
    assert held == [(1, 0), (2, 1), (3, 2), (4, 3), (4, 4)]
    hypotheses, _ = listen(whisper, "align_att", 2.0, hold=1.3)
    assert [hypothesis.stable for hypothesis in hypotheses] == [0, 0, 0, 1, 4]


def test_align_att_needs_fewer_passes_than_agreement(whisper: Path) -> None:
    def passes_until_sure(policy: str, count: int) -> int:
        hypotheses, _ = listen(whisper, policy, 2.0, hold=0.1)
        return next(index + 1 for index, hypothesis in enumerate(hypotheses) if hypothesis.stable >= count)

    for count in (1, 2, 3):
        assert passes_until_sure("align_att", count) == passes_until_sure("local_agreement", count) - 1 == count


def test_a_word_waits_with_any_of_its_tokens(whisper: Path) -> None:
    recognizer = load_recognizer(str(whisper), language="en", policy="align_att")
    recognizer._network = Listening(recognizer, [(" wal", 0.5), ("king", 1.9), (" on", 0.4)])
    words, waiting = recognizer._hear(np.full(2 * SECOND, 0.1, np.float32))
    assert ([word.text for word in words], waiting) == (["walking", "on"], 2)


def test_align_att_on_the_network_itself_takes_nothing_back(whisper: Path, voice: np.ndarray) -> None:
    recognizer = load_recognizer(str(whisper), policy="align_att", interval=0.5, window=2.0)
    assert hear(recognizer, np.concatenate([voice, voice]))[-1].words
    out = recognizer._network.generate(
        **recognizer._features(voice), **recognizer._options, max_new_tokens=8, return_dict_in_generate=True
    )
    places = recognizer._attended(out["cross_attentions"], len(out["scores"]))
    assert len(places) == len(out["scores"]) and all(0 <= place < 30 * SECOND for place in places)


def test_a_policy_is_honoured_or_refused(whisper: Path, english_whisper: Path, wav2vec2: Path) -> None:
    for folder in (whisper, english_whisper, wav2vec2):
        load_recognizer(str(folder), policy="local_agreement")
    for name, reason in [
        (str(english_whisper), "names no alignment heads"),
        (str(wav2vec2), "has no policy 'align_att', only local_agreement"),
        ("auto", "has no policy"),
        ("moonshine-tiny", "has no policy"),
        ("pocketsphinx", "has no policy"),
        ("faster-whisper:tiny", "has no policy"),
        ("http://127.0.0.1:1/v1", "has no policy"),
    ]:
        with pytest.raises(SettingsError, match=reason):
            load_recognizer(name, policy="align_att")
    with pytest.raises(SettingsError, match="must be local_agreement or align_att, not 'guess'"):
        load_recognizer(str(whisper), policy="guess")
    with pytest.raises(SettingsError, match=r"between 0\.1 and 5 s"):
        load_recognizer(str(whisper), policy="align_att", hold=9.0)
