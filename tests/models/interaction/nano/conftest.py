"""A little world: texts of every source in the form of the data folder, a vocabulary of them, an untrained network."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from pathlib import Path

import pytest

from duplex.models.interaction.nano.config import NanoConfig
from duplex.models.interaction.nano.train.speech import Manner
from duplex.models.interaction.nano.train.streams import Simulation
from duplex.models.interaction.nano.train.texts import Texts, load_texts
from duplex.models.interaction.nano.train.understood import Understanding
from duplex.models.interaction.nano.vocabulary import Vocabulary, build_vocabulary

SMALL = NanoConfig(vocabulary=640, width=32, inner=48, layers=2, heads=4, key_heads=2)

_PLACES = ("San Jose", "Berlin", "Oakland", "Napa", "Paris", "Fresno", "Rome", "Davis", "Oslo", "Reno")
_FOODS = ("Thai", "Mexican", "Indian", "Greek", "Italian")


def _write(path: Path, rows: list) -> None:
    with gzip.open(path, "wt", encoding="utf8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """A data folder with text/."""
    folder = tmp_path_factory.mktemp("data")
    text = folder / "text"
    text.mkdir()
    (folder / "manifest.jsonl").write_text("")
    task = [
        [
            ["U", f"I would like to eat {food} food in {place} tonight.", ["INFORM"]],
            [
                "S",
                "For how many people do you want me to book the table, and at what time do you want to eat?",
                ["REQUEST"],
            ],
            ["U", "For two people please.", ["INFORM"]],
            [
                "S",
                f"There is a good {food} restaurant in {place}, it is on the main street and has many seats.",
                ["OFFER"],
            ],
        ]
        for food in _FOODS
        for place in _PLACES
    ]
    _write(text / "sgd_dialogues.jsonl.gz", [{"split": "train", "services": [], "turns": turns} for turns in task])
    coffee = [
        [["user", f"One {food} coffee to {place}"], ["assistant", "Is that all?"]]
        for food in _FOODS
        for place in _PLACES
    ]
    _write(text / "taskmaster4_coffee.jsonl.gz", [{"scenario": "", "turns": turns} for turns in coffee])
    asked = [f"what is the weather in {place} for {food} people" for place in _PLACES for food in _FOODS]
    _write(text / "clinc150.jsonl.gz", [{"split": "train", "text": said, "intent": "weather"} for said in asked])
    _write(
        text / "snips.jsonl.gz",
        [{"intent": "x", "parts": [{"text": f"play {a} songs of {b} "}]} for a in _FOODS for b in _PLACES],
    )
    heard = [{"source": "clinc150", "text": said, "recognized": said.replace("weather", "whether")} for said in asked]
    _write(text / "recognized_speech.jsonl.gz", heard)
    with gzip.open(text / "tatoeba_en_de.tsv.gz", "wt", encoding="utf8") as file:
        file.writelines(f"My {food} friend went to {place}.\tx\n" for food in _FOODS for place in _PLACES)
    with gzip.open(text / "earnings22_turns.csv.gz", "wt", encoding="utf8") as file:
        file.write("call,speaker,start,end,words\n")
        for call in range(40):
            file.writelines(f"call {call},{n % 2},{3.0 * n},{3.0 * n + 2.5},9\n" for n in range(6))
    return folder


@pytest.fixture(scope="session")
def texts(data) -> Texts:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("duplex.models.interaction.nano.train.texts.ORDERS", 300)
        return load_texts(data, "train")


@pytest.fixture(scope="session")
def simulation(texts) -> Simulation:
    return Simulation(texts, Manner(), Understanding())


@pytest.fixture(scope="session")
def vocabulary_file(texts, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.model"
    sentences = [*texts.requests, *texts.orders, *texts.remarks, *(e.reply for d in texts.dialogues for e in d)]
    random.Random(0).shuffle(sentences)
    build_vocabulary([*sentences, *map(str.lower, sentences)], path, SMALL.vocabulary)
    return path


@pytest.fixture(scope="session")
def vocabulary(vocabulary_file) -> Vocabulary:
    return Vocabulary(vocabulary_file)


@pytest.fixture(scope="session")
def tensors() -> dict:
    """Of an untrained network, with large weights so that its decisions differ."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from duplex.models.interaction.nano.train.training import new_model

    torch.manual_seed(3)
    return {name: 4 * p.detach() if p.ndim == 2 else p.detach() for name, p in new_model(SMALL).named_parameters()}


@pytest.fixture(scope="session")
def exported(tmp_path_factory, tensors, vocabulary_file) -> Path:
    """A folder as an export leaves it, 32-bit."""
    pytest.importorskip("onnx")
    from duplex.models.interaction.nano.export import export_graph

    folder = tmp_path_factory.mktemp("exported")
    export_graph(SMALL, tensors, folder, quantized=False)
    shutil.copyfile(vocabulary_file, folder / "vocabulary.model")
    return folder
