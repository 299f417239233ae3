"""The recognizer over the package `faster-whisper`: logic with a stand-in for the package, the rest with a model."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from duplex.models.asr import load_recognizer
from duplex.streaming.errors import ModelError, SettingsError, StageError

SECOND = 16_000
QUESTION = Path(__file__).parents[2] / "data" / "clips" / "awb-what-is-the-square-root-of-eighty-one.flac"
SOUND = np.full(3 * SECOND, 0.1, np.float32)


class Package(ModuleType):
    """What the recognizer uses of `faster_whisper`. cached: models on this machine. online: others can be had.

    loaded and asked hold what it was told. said: (word, start, end, probability) of the first segment.
    """

    def __init__(self) -> None:
        super().__init__("faster_whisper")
        self.cached: set[str] = set()
        self.online = True
        self.loaded: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.said: list[tuple[str, float, float, float]] | None = [
            (" Hello,", 0.1, 0.5, 0.9),
            (" wor", 0.4, 0.7, 0.5),
            ("ld.", 0.7, 9.0, 0.7),
        ]
        self.spoken = "en"
        self.languages = ["de", "en", "ja"]
        outer = self

        class WhisperModel:
            def __init__(self, source: str, **options: Any) -> None:
                outer.loaded.append({"source": source, **options})
                there = source in outer.cached or Path(source).is_dir()
                if not there and (options["local_files_only"] or not outer.online):
                    raise OSError(f"{source} cannot be found\nlong explanation")
                self.supported_languages = outer.languages

            def transcribe(self, samples: np.ndarray, **options: Any) -> Any:
                outer.asked.append({"count": len(samples), **options})
                return self._segments(), SimpleNamespace(language=options["language"] or outer.spoken)

            def _segments(self) -> Iterator[Any]:
                if outer.said is not None:
                    yield SimpleNamespace(
                        words=[SimpleNamespace(word=w, start=a, end=b, probability=p) for w, a, b, p in outer.said]
                    )
                    raise RuntimeError("a second pass over the window")

        self.WhisperModel = WhisperModel


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Package:
    made = Package()
    monkeypatch.setitem(sys.modules, "faster_whisper", made)
    for variable in ("DUPLEX_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    return made


def test_words_have_times_within_the_window_in_order_and_confidence(package: Package) -> None:
    words = load_recognizer("faster-whisper:tiny", language="en").transcribe(SOUND)
    assert [word.text for word in words] == ["Hello,", "world."]
    assert [(word.start, word.end) for word in words] == [(1600, 8000), (8000, 48_000)]
    assert [word.confidence for word in words] == pytest.approx([0.9, 0.6])


@pytest.mark.parametrize("said", [None, []])
def test_nothing_said_is_no_words(package: Package, said: Any) -> None:
    package.said = said
    assert load_recognizer("faster-whisper:tiny").transcribe(SOUND) == []


def test_it_streams_and_what_passes_agree_on_is_stable(package: Package) -> None:
    recognizer = load_recognizer("faster-whisper:tiny", language="en", interval=1.0)
    state, stable = recognizer.initial_state(), []
    for at in range(0, len(SOUND), recognizer.hop):
        hypothesis, state = recognizer.step(SOUND[at : at + recognizer.hop], state)
        stable += [hypothesis.stable] if hypothesis is not None else []
    assert stable == [0, 2]
    assert recognizer.flush(state).text == "Hello, world."
    assert [asked["count"] for asked in package.asked] == [SECOND, 2 * SECOND, 3 * SECOND]


def test_a_recording_takes_one_pass_an_utterance(package: Package) -> None:
    recognizer = load_recognizer("faster-whisper:tiny", live=False)
    state = recognizer.initial_state()
    for at in range(0, len(SOUND), recognizer.hop):
        _, state = recognizer.step(SOUND[at : at + recognizer.hop], state)
    assert recognizer.flush(state).text == "Hello, world." and len(package.asked) == 1


def test_one_thread_and_no_retries_of_a_pass(package: Package) -> None:
    load_recognizer("faster-whisper:tiny", hotwords="Duplex,Ann").transcribe(SOUND)
    assert (package.loaded[-1]["cpu_threads"], package.loaded[-1]["num_workers"]) == (1, 2)
    asked = package.asked[-1]
    assert (asked["temperature"], asked["beam_size"], asked["initial_prompt"]) == (0.0, 1, "Duplex,Ann")
    assert asked["max_new_tokens"] < 60


@pytest.mark.parametrize("detect", [None, "", "auto"])
def test_a_language_is_honoured_detected_or_refused(package: Package, detect: str | None) -> None:
    package.spoken = "ja"
    recognizer = load_recognizer("faster-whisper:tiny", language="de-AT")
    recognizer.transcribe(SOUND)
    assert package.asked[-1]["language"] == recognizer.detected == "de" and "de" in recognizer.languages
    recognizer = load_recognizer("faster-whisper:tiny", language=detect)
    package.said = [("そう", 0.0, 0.4, 0.9)]
    assert [word.text for word in recognizer.transcribe(SOUND)] == ["そ", "う"]
    assert package.asked[-1]["language"] is None and recognizer.detected == "ja" and recognizer.languages is None
    package.languages = ["en"]
    with pytest.raises(SettingsError, match=r"tiny\.en does not know the language 'de', only en$"):
        load_recognizer("faster-whisper:tiny.en", language="de")


def test_what_is_on_this_machine_is_not_asked_for(package: Package) -> None:
    package.cached.add("small")
    load_recognizer("faster-whisper:small")
    assert [loaded["local_files_only"] for loaded in package.loaded] == [True]
    load_recognizer("faster-whisper:")
    assert [(loaded["source"], loaded["local_files_only"]) for loaded in package.loaded[1:]] == [
        ("base", True),
        ("base", False),
    ]


@pytest.mark.parametrize("variable", ["DUPLEX_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_means_offline(package: Package, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(ModelError, match=r"is not on this machine.*forbids pulling") as caught:
        load_recognizer("faster-whisper:small")
    assert "\n" not in str(caught.value) and [loaded["local_files_only"] for loaded in package.loaded] == [True]


def test_what_cannot_be_had_is_said_in_one_line(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package.online = False
    with pytest.raises(ModelError, match=r"^faster-whisper:small: cannot be had: small cannot be found$"):
        load_recognizer("faster-whisper:small")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ModelError, match=r"in this folder: model\.bin is missing"):
            load_recognizer(f"faster-whisper:{folder}")
    with pytest.raises(SettingsError, match="has no setting task"):
        load_recognizer("faster-whisper:small", task="translate")
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ModelError, match=r"not installed .*pip install 'duplex\[whisper\]'$"):
        load_recognizer("faster-whisper:small")


def test_a_failing_pass_costs_its_own_output(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, samples: np.ndarray, **options: Any) -> Any:
        raise RuntimeError("out of memory\nlong explanation")

    monkeypatch.setattr(package.WhisperModel, "transcribe", broken)
    with pytest.raises(StageError, match=r"tiny failed: out of memory$"):
        load_recognizer("faster-whisper:tiny").transcribe(SOUND)


@pytest.mark.slow
def test_a_real_model_hears_what_is_said() -> None:
    pytest.importorskip("faster_whisper")
    folder = os.environ.get("DUPLEX_TEST_WHISPER")
    if not folder:
        pytest.skip("DUPLEX_TEST_WHISPER names no folder of a converted Whisper model")
    said, rate = soundfile.read(QUESTION, dtype="float32")
    assert rate == SECOND
    for language in ("en", "auto"):
        recognizer = load_recognizer(f"faster-whisper:{folder}", language=language)
        words = recognizer.transcribe(said)
        assert {"what", "square", "root"} <= {word.text.strip(".,!").lower() for word in words}
        assert recognizer.detected == "en"
        assert all(0 <= word.start < word.end <= len(said) for word in words)
        assert recognizer.transcribe(np.zeros(100, np.float32)) == []


def test_those_of_one_model_share_its_weights(package: Package) -> None:
    package.cached = {"tiny", "base"}
    live, whole = (load_recognizer("faster-whisper:tiny", live=live) for live in (True, False))
    assert live.interval != whole.interval and len(package.loaded) == 1
    load_recognizer("faster-whisper:base")
    assert len(package.loaded) == 2
    del live, whole
    gc.collect()
    load_recognizer("faster-whisper:tiny")  # what nobody had any more is gone
    assert len(package.loaded) == 3
