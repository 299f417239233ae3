"""PocketSphinx in its worker process, on real speech."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.models.asr import load_recognizer
from duplex.models.asr.contract import Hypothesis
from duplex.models.asr.sphinx import PocketSphinx, SphinxState
from duplex.streaming.errors import ModelError, SettingsError, StageError

DATA = Path(__file__).parents[2] / "data"
SECOND = 16_000


def read(name: str) -> np.ndarray:
    """A recording between silences, a whole number of hops long."""
    samples, rate = soundfile.read(DATA / "recognition" / name, dtype="float32")
    assert rate == SECOND
    return np.pad(samples, (3200, 6400 + -len(samples) % 1600))


@pytest.fixture(scope="module")
def time_in_tokyo() -> np.ndarray:
    return read("time_in_tokyo.flac")


@pytest.fixture(scope="module")
def recognizer() -> Iterator[PocketSphinx]:
    engine = load_recognizer("pocketsphinx")
    assert isinstance(engine, PocketSphinx)
    yield engine
    engine.close()


def feed(recognizer: PocketSphinx, samples: np.ndarray, state: SphinxState) -> list[Hypothesis]:
    hypotheses = []
    for at in range(0, len(samples), recognizer.hop):
        hypothesis, state = recognizer.step(samples[at : at + recognizer.hop], state)
        hypotheses += [hypothesis] if hypothesis is not None else []
    return hypotheses


def hear(recognizer: PocketSphinx, samples: np.ndarray) -> list[Hypothesis]:
    state = recognizer.initial_state()
    return [*feed(recognizer, samples, state), recognizer.flush(state)]


def test_a_question_is_understood_word_by_word(recognizer: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    hypotheses = hear(recognizer, time_in_tokyo)
    final = hypotheses[-1]
    assert (final.text, final.stable, final.final) == ("what time is it in tokyo", 6, True)
    assert any(hypothesis.text.startswith("what time") for hypothesis in hypotheses[:-1])
    assert all(a.end <= b.start for a, b in zip(final.words[:-1], final.words[1:], strict=True))
    assert all(0 <= word.start < word.end <= len(time_in_tokyo) for word in final.words)
    assert all(0.0 <= word.confidence <= 1.0 for word in final.words)
    before: list[str] = []
    for hypothesis in hypotheses:
        texts = [word.text for word in hypothesis.words]
        assert texts[: len(before)] == before
        before = texts[: hypothesis.stable]
    assert any(hypothesis.stable for hypothesis in hypotheses[:-1])


def test_what_came_before_changes_nothing(recognizer: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    first = hear(recognizer, time_in_tokyo)
    hear(recognizer, np.random.default_rng(0).normal(0, 0.1, SECOND).astype(np.float32))
    given_up = recognizer.initial_state()
    feed(recognizer, time_in_tokyo[: SECOND // 2], given_up)
    del given_up
    gc.collect()
    assert hear(recognizer, time_in_tokyo) == first
    assert len(recognizer._all) == 1


def test_two_voices_at_a_time_are_kept_apart(recognizer: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    alone = hear(recognizer, time_in_tokyo)[-1]
    shifted = np.concatenate([np.zeros(1600, np.float32), time_in_tokyo])
    expected = hear(recognizer, shifted)[-1]
    one, other = recognizer.initial_state(), recognizer.initial_state()
    feed(recognizer, shifted[:1600], other)
    for at in range(0, len(time_in_tokyo), recognizer.hop):
        feed(recognizer, time_in_tokyo[at : at + recognizer.hop], one)
        feed(recognizer, shifted[at + 1600 : at + 1600 + recognizer.hop], other)
    assert recognizer.flush(one) == alone
    assert recognizer.flush(other) == expected


def test_the_main_thread_runs_on_while_it_decodes(recognizer: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    state = recognizer.initial_state()
    feed(recognizer, time_in_tokyo[:1600], state)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(feed, recognizer, time_in_tokyo[1600:], state)
        turns = 0
        while not job.done():
            time.sleep(0.001)
            turns += 1
    recognizer.flush(state)
    assert turns > len(time_in_tokyo) // recognizer.hop


def test_silence_and_nothing_at_all_have_no_words(recognizer: PocketSphinx) -> None:
    assert hear(recognizer, np.zeros(SECOND, np.float32))[-1].words == ()
    assert recognizer.flush(recognizer.initial_state()) == Hypothesis((), 0, True)


@pytest.mark.parametrize("level", [1.5, 0.1])
def test_loud_and_soft_speech_are_understood(recognizer: PocketSphinx, time_in_tokyo: np.ndarray, level: float) -> None:
    assert "time is it in" in hear(recognizer, time_in_tokyo * np.float32(level))[-1].text


@pytest.mark.slow
def test_a_process_that_dies_costs_one_utterance(recognizer: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    state = recognizer.initial_state()
    feed(recognizer, time_in_tokyo[:4800], state)
    assert state.worker is not None
    process = state.worker.pid
    os.kill(process, signal.SIGKILL)
    with pytest.raises(StageError, match="pocketsphinx: its process ended with status -9"):
        feed(recognizer, time_in_tokyo[4800:], state)
    with pytest.raises(StageError, match="over or lost"):
        feed(recognizer, time_in_tokyo[4800:], state)
    assert recognizer.flush(state).final
    with pytest.raises(ProcessLookupError):  # reaped, not a zombie
        os.kill(process, 0)
    assert hear(recognizer, time_in_tokyo)[-1].text == "what time is it in tokyo"


def test_a_process_that_died_while_idle_costs_nothing(recognizer: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    hear(recognizer, np.zeros(1600, np.float32))
    worker = recognizer._idle[-1]
    os.kill(worker.pid, signal.SIGKILL)
    worker._process.wait()
    assert hear(recognizer, time_in_tokyo)[-1].text == "what time is it in tokyo"


def test_closing_ends_every_process(time_in_tokyo: np.ndarray) -> None:
    engine = PocketSphinx()
    engine.warm(2)
    state = engine.initial_state()
    feed(engine, time_in_tokyo[:1600], state)
    workers = list(engine._all)
    assert len(workers) == 2
    engine.close()
    engine.close()
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker.pid, 0)
    with pytest.raises(StageError, match="closed"):
        feed(engine, time_in_tokyo[1600:3200], state)
    with pytest.raises(StageError, match="has been closed"):
        feed(engine, time_in_tokyo[:1600], engine.initial_state())


def test_the_child_ends_with_a_parent_that_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from duplex.models.asr.sphinx import PocketSphinx\n"
        "engine = PocketSphinx()\n"
        "print(engine._idle[0].pid, 'torch' in sys.modules, 'pocketsphinx' in sys.modules, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child, torch, pocketsphinx = parent.stdout.readline().split()
    assert (torch, pocketsphinx) == ("False", "False")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    # An orphan may stay a zombie where nothing reaps it: gone or dead, it no longer runs.
    status = Path(f"/proc/{child}/status")
    if not status.parent.parent.joinpath("self").exists():
        pytest.skip("needs /proc")
    for _ in range(2000):
        if not status.exists() or "State:\tZ" in status.read_text():
            return
        threading.Event().wait(0.01)
    pytest.fail(f"process {child} outlived its parent")


def test_what_it_cannot_do_is_said(recognizer: PocketSphinx) -> None:
    with pytest.raises(StageError, match="one utterance per state"):
        recognizer.initial_state(2)
    with pytest.raises(StageError, match="takes 1600 samples"):
        recognizer.step(np.zeros(10, np.float32), recognizer.initial_state())
    for wrong in ({"agree": 0.0}, {"margin": -1.0}, {"timeout": 0.0}):
        with pytest.raises(SettingsError):
            PocketSphinx(**wrong)


def test_another_language_than_english_is_refused():
    with pytest.raises(ModelError, match=r"only English, not 'de-AT': choose a multilingual model"):
        load_recognizer("pocketsphinx", language="de-AT")
