"""A toy language pair, a vocabulary of it and an untrained network, exported once for all tests."""

from __future__ import annotations

import gzip
import json
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest

if any(find_spec(name) is None for name in ("onnx", "sacrebleu", "sentencepiece", "torch")):
    # They come with the extra `train`.
    collect_ignore_glob = [
        "test_copying.py",
        "test_engine.py",
        "test_search.py",
        "test_speculative.py",
        "test_vocabulary.py",
        "train/*",
    ]

PEOPLE = (("Tom", "Tom"), ("Mary", "Mary"), ("my brother", "mein Bruder"), ("the teacher", "der Lehrer"), ("he", "er"))
DEEDS = (
    ("sees the house", "sieht das Haus"),
    ("has 25 apples", "hat 25 Äpfel"),
    ("is in Boston", "ist in Boston"),
    ("reads a book", "liest ein Buch"),
    ("waits for the train", "wartet auf den Zug"),
)
TIMES = (("", ""), (" today", " heute"), (" in the kitchen", " in der Küche"))


@pytest.fixture(scope="session")
def sentences() -> list[tuple[str, str]]:
    """English and German of 75 sentences."""
    return [
        (f"{a[0][0].upper()}{a[0][1:]} {b[0]}{c[0]}.", f"{a[1][0].upper()}{a[1][1:]} {b[1]}{c[1]}.")
        for a, b, c in product(PEOPLE, DEEDS, TIMES)
    ]


@pytest.fixture(scope="session")
def vocabulary_file(tmp_path_factory, sentences) -> Path:
    from duplex.models.translation.vocabulary import build_vocabulary

    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.model"
    build_vocabulary([side for pair in sentences for side in pair] * 3, path, 330)
    return path


@pytest.fixture(scope="session")
def data(tmp_path_factory, sentences) -> Path:
    """A folder with text/ in the form of the training data."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "text").mkdir()
    with gzip.open(folder / "text" / "tatoeba_en_de.tsv.gz", "wt", encoding="utf8") as out:
        out.writelines(f"{english}\t{german}\n" for english, german in sentences)
    rows = [{"text": english, "recognized": english.lower().replace("the", "a")} for english, _ in sentences[::3]]
    with gzip.open(folder / "text" / "recognized_speech.jsonl.gz", "wt", encoding="utf8") as out:
        out.writelines(json.dumps({"source": "tatoeba", **row}) + "\n" for row in rows)
    return folder


@pytest.fixture(scope="session")
def small_config():
    from duplex.models.translation.config import TranslatorConfig

    return TranslatorConfig(330, width=32, heads=2, inner=64, encoder_layers=2, decoder_layers=2, dropout=0.1)


@pytest.fixture(scope="session")
def small_net(small_config):
    torch = pytest.importorskip("torch")
    from duplex.models.translation.network import TranslationNet

    torch.manual_seed(3)
    return TranslationNet(small_config).eval()


@pytest.fixture(scope="session")
def exported(tmp_path_factory, small_net, vocabulary_file) -> Path:
    """A folder as an export leaves it, of the untrained network, 32-bit."""
    import shutil

    import numpy as np

    pytest.importorskip("onnx")
    from duplex.models.translation.export import export_graphs
    from duplex.models.translation.quality import FEATURES, QualityModel

    folder = tmp_path_factory.mktemp("exported")
    export_graphs(small_net, folder, quantized=False)
    shutil.copyfile(vocabulary_file, folder / "vocabulary.model")
    np.save(folder / "language.npy", np.zeros(330, np.int8))
    model = QualityModel((1.0,) * len(FEATURES), 0.0, 0.3)
    (folder / "quality.json").write_text(json.dumps(model.as_dict()), encoding="utf8")
    return folder
