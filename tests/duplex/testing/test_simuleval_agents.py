"""SimulEval evaluates Duplex, by its own command line."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser

import numpy as np
import pytest
import soundfile
from simuleval.evaluator.instance import LogInstance
from simuleval.evaluator.scorers.latency_scorer import ALScorer, LAALScorer

from duplex.models.store import find
from duplex.models.tts import Voice, load_synthesizer
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError, SettingsError
from duplex.testing.simuleval_agents import SpeechAgent, TextAgent
from tests.benchmarks.lagging import Shown, Talk, average_lagging, length_adaptive_lagging

AGENTS = "duplex.testing.simuleval_agents"
PAIRS = {
    "I would like to go home now because it is raining.": "Ich möchte jetzt nach Hause gehen, weil es regnet.",
    "My brother bought a used bicycle from a friend.": "Mein Bruder hat von einem Freund ein Fahrrad gekauft.",
    "Could you tell me where the station is?": "Können Sie mir sagen, wo der Bahnhof ist?",
}


def simuleval(folder, agent, *options):
    """Runs the command; returns the log of each sentence and the table of scores."""
    (folder / "de.txt").write_text("\n".join(PAIRS.values()) + "\n", "utf8")
    command = [sys.executable, "-m", "simuleval.cli", "--agent-class", f"{AGENTS}.{agent}", "--target", "de.txt"]
    command += ["--output", "out", "--no-progress-bar", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    logged = [json.loads(line) for line in (folder / "out" / "instances.log").read_text("utf8").splitlines()]
    names, values = (line.split("\t") for line in (folder / "out" / "scores.tsv").read_text("utf8").splitlines())
    return logged, dict(zip(names, map(float, values), strict=True))


@pytest.mark.parametrize("policy", ["wait-k:3", "agreement", "alignatt:2", "streamuni:3"])
def test_text(tmp_path, policy):
    (tmp_path / "en.txt").write_text("\n".join(PAIRS) + "\n", "utf8")
    logged, scores = simuleval(tmp_path, "TextAgent", "--source", "en.txt", "--policy", policy)
    for entry, source in zip(logged, PAIRS, strict=True):
        assert entry["prediction"] and entry["delays"][-1] == len(source.split())
        assert entry["delays"] == sorted(entry["delays"])
    assert all(any(delay < entry["source_length"] for delay in entry["delays"]) for entry in logged)
    assert 0 < scores["LAAL"] < 9 and scores["BLEU"] > 5


def test_speech(tmp_path):
    if find("moonshine-tiny-en") is None:
        pytest.skip("the default recognizer has not been pulled")
    flite = load_synthesizer("flite")
    for number, text in enumerate(PAIRS):
        chunks = [chunk.samples for chunk in flite.synthesize(text, Voice("slt"))]
        soundfile.write(tmp_path / f"{number}.wav", np.concatenate(chunks), SAMPLE_RATE)
    (tmp_path / "en.txt").write_text("".join(f"{tmp_path}/{number}.wav\n" for number in range(len(PAIRS))))
    options = "--source", "en.txt", "--policy", "wait-k:2", "--source-segment-size", "320", "--computation-aware"
    logged, scores = simuleval(tmp_path, "SpeechAgent", *options)
    assert all(entry["prediction"] and entry["delays"][0] < entry["source_length"] for entry in logged)
    assert all(late > heard for entry in logged for late, heard in zip(entry["elapsed"], entry["delays"], strict=True))
    assert 0 < scores["LAAL_CA"] < 10_000


def arguments(agent, *options):
    parser = ArgumentParser()
    agent.add_args(parser)
    return parser.parse_args(options)


def test_what_cannot_be_is_told():
    with pytest.raises(SettingsError, match="takes words back"):
        TextAgent(arguments(TextAgent, "--policy", "retranslate"))
    with pytest.raises(SettingsError, match="no en-fr"):
        TextAgent(arguments(TextAgent, "--target-language", "fr"))
    agent = SpeechAgent(arguments(SpeechAgent, "--recognizer", "pocketsphinx"))
    agent.states.source, agent.states.source_sample_rate = [0.0] * 800, 8000
    with pytest.raises(InputError, match="8000"):
        agent.policy()
    agent.close()


def test_lagging_is_that_of_simuleval():
    random = np.random.default_rng(3)
    for _ in range(200):
        length, words = int(random.integers(1, 20)), int(random.integers(1, 20))
        delays = np.sort(random.integers(1, length + 2, words)).tolist()
        reference = int(random.integers(1, 20))
        log = {"index": 0, "delays": delays, "source_length": length, "reference": " ".join("x" * reference)}
        theirs = LogInstance(json.dumps(log))
        steps = [Shown(delay, delay, tuple(range(delays.count(delay) + delays.index(delay)))) for delay in delays]
        ours = Talk(length, [Shown(s.read, s.elapsed, tuple(map(str, s.words))) for s in steps])
        assert ours.delays() == delays
        assert average_lagging(delays, length, reference) == pytest.approx(ALScorer().compute(theirs))
        assert length_adaptive_lagging(delays, length, reference) == pytest.approx(LAALScorer().compute(theirs))
