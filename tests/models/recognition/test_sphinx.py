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

from models.recognition import load_recogniser
from models.recognition.contract import Hypothesis
from models.recognition.sphinx import PocketSphinx, SphinxState
from streaming.errors import SettingsError, StageError

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
def recogniser() -> Iterator[PocketSphinx]:
    engine = load_recogniser()
    assert isinstance(engine, PocketSphinx)
    yield engine
    engine.close()


def feed(recogniser: PocketSphinx, samples: np.ndarray, state: SphinxState) -> list[Hypothesis]:
    hypotheses = []
    for at in range(0, len(samples), recogniser.hop):
        hypothesis, state = recogniser.step(samples[at : at + recogniser.hop], state)
        hypotheses += [hypothesis] if hypothesis is not None else []
    return hypotheses


def hear(recogniser: PocketSphinx, samples: np.ndarray) -> list[Hypothesis]:
    state = recogniser.initial_state()
    return [*feed(recogniser, samples, state), recogniser.flush(state)]


def test_a_question_is_understood_word_by_word(recogniser: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    hypotheses = hear(recogniser, time_in_tokyo)
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


def test_what_came_before_changes_nothing(recogniser: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    first = hear(recogniser, time_in_tokyo)
    hear(recogniser, np.random.default_rng(0).normal(0, 0.1, SECOND).astype(np.float32))
    given_up = recogniser.initial_state()
    feed(recogniser, time_in_tokyo[: SECOND // 2], given_up)
    del given_up
    gc.collect()
    assert hear(recogniser, time_in_tokyo) == first
    assert len(recogniser._all) == 1


def test_two_voices_at_a_time_are_kept_apart(recogniser: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    alone = hear(recogniser, time_in_tokyo)[-1]
    shifted = np.concatenate([np.zeros(1600, np.float32), time_in_tokyo])
    expected = hear(recogniser, shifted)[-1]
    one, other = recogniser.initial_state(), recogniser.initial_state()
    feed(recogniser, shifted[:1600], other)
    for at in range(0, len(time_in_tokyo), recogniser.hop):
        feed(recogniser, time_in_tokyo[at : at + recogniser.hop], one)
        feed(recogniser, shifted[at + 1600 : at + 1600 + recogniser.hop], other)
    assert recogniser.flush(one) == alone
    assert recogniser.flush(other) == expected


def test_the_main_thread_runs_on_while_it_decodes(recogniser: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    state = recogniser.initial_state()
    feed(recogniser, time_in_tokyo[:1600], state)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(feed, recogniser, time_in_tokyo[1600:], state)
        turns = 0
        while not job.done():
            time.sleep(0.001)
            turns += 1
    recogniser.flush(state)
    assert turns > len(time_in_tokyo) // recogniser.hop


def test_silence_and_nothing_at_all_have_no_words(recogniser: PocketSphinx) -> None:
    assert hear(recogniser, np.zeros(SECOND, np.float32))[-1].words == ()
    assert recogniser.flush(recogniser.initial_state()) == Hypothesis((), 0, True)


@pytest.mark.parametrize("level", [1.5, 0.1])
def test_loud_and_soft_speech_are_understood(recogniser: PocketSphinx, time_in_tokyo: np.ndarray, level: float) -> None:
    assert "time is it in" in hear(recogniser, time_in_tokyo * np.float32(level))[-1].text


def test_a_process_that_dies_costs_one_utterance(recogniser: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    state = recogniser.initial_state()
    feed(recogniser, time_in_tokyo[:4800], state)
    assert state.worker is not None
    process = state.worker.pid
    os.kill(process, signal.SIGKILL)
    with pytest.raises(StageError, match="pocketsphinx: its process ended with status -9"):
        feed(recogniser, time_in_tokyo[4800:], state)
    with pytest.raises(StageError, match="over or lost"):
        feed(recogniser, time_in_tokyo[4800:], state)
    assert recogniser.flush(state).final
    with pytest.raises(ProcessLookupError):  # reaped, not a zombie
        os.kill(process, 0)
    assert hear(recogniser, time_in_tokyo)[-1].text == "what time is it in tokyo"


def test_a_process_that_died_while_idle_costs_nothing(recogniser: PocketSphinx, time_in_tokyo: np.ndarray) -> None:
    hear(recogniser, np.zeros(1600, np.float32))
    worker = recogniser._idle[-1]
    os.kill(worker.pid, signal.SIGKILL)
    worker._process.wait()
    assert hear(recogniser, time_in_tokyo)[-1].text == "what time is it in tokyo"


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
        "from models.recognition.sphinx import PocketSphinx\n"
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


def test_what_it_cannot_do_is_said(recogniser: PocketSphinx) -> None:
    with pytest.raises(StageError, match="one utterance per state"):
        recogniser.initial_state(2)
    with pytest.raises(StageError, match="takes 1600 samples"):
        recogniser.step(np.zeros(10, np.float32), recogniser.initial_state())
    for wrong in ({"agree": 0.0}, {"margin": -1.0}, {"timeout": 0.0}):
        with pytest.raises(SettingsError):
            PocketSphinx(**wrong)
