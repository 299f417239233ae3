"""Distillation and training on a toy pair; the exported graphs are the network."""

from __future__ import annotations

import itertools
from random import Random

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sacrebleu")

from duplex.models.translation.fretna.canvas import PLACEHOLDER, applied, framed  # noqa: E402
from duplex.models.translation.fretna.network import EditNet  # noqa: E402
from duplex.models.translation.fretna.train import distill, examples  # noqa: E402
from duplex.models.translation.fretna.train.training import Plan, Training, load_edit_net  # noqa: E402
from duplex.models.translation.fretna.train.validation import TorchLooker, Validation  # noqa: E402
from duplex.models.translation.train.corpus import read_pairs, split, text_folder  # noqa: E402
from duplex.models.translation.train.examples import Examples  # noqa: E402
from duplex.models.translation.train.greedy import greedy_batch  # noqa: E402
from duplex.models.translation.train.training import prepare  # noqa: E402
from duplex.models.translation.train.validation import greedy  # noqa: E402
from duplex.models.translation.vocabulary import Vocabulary  # noqa: E402


@pytest.fixture(scope="module")
def vocabulary(vocabulary_file):
    return Vocabulary(vocabulary_file)


@pytest.fixture(scope="module")
def chains(vocabulary, sentences, tmp_path_factory):
    """A folder with a file of chains: the first words of a sentence are translated by as many of its translation."""
    folder = tmp_path_factory.mktemp("chains")
    made = []
    for english, german in sentences:
        words, answer = english.split(), german.split()
        places = [2, 3, len(words)] if len(words) > 3 else [len(words)]
        sources = [vocabulary.source(" ".join(words[:n]), "de", n < len(words)) for n in places]
        targets = [vocabulary.encode(" ".join(answer[: n if n < len(words) else None])) for n in places]
        made.append(distill.Chain(tuple(map(tuple, sources)), tuple(map(tuple, targets))))
    distill.write_chains(folder / "0000.jsonl.gz", made)
    return folder


def test_chains_of_a_teacher_grow_and_round_trip(small_net, vocabulary_file, vocabulary, data, tmp_path):
    (tmp_path / "vocabulary.model").write_bytes(vocabulary_file.read_bytes())
    parts, _, noise = prepare(data, tmp_path, 330, 1)
    drawn = distill.drawn(Examples(parts["train"], vocabulary, noise, distill.RECIPE), vocabulary, parts["train"], 1)
    made = distill.translated(small_net, [next(drawn) for _ in range(20)], batch=7)
    distill.write_chains(tmp_path / "0000.jsonl.gz", made)
    assert distill.read_chains(tmp_path / "0000.jsonl.gz") == made
    for chain in made:
        assert len(chain.sources) == len(chain.targets)
        read = [vocabulary.decode(source).split() for source in chain.sources]
        assert all(len(a) < len(b) for a, b in itertools.pairwise(read))


def test_without_a_draft_it_is_greedy_search(small_net, vocabulary):
    sources = [vocabulary.source(text, "de") for text in ("Tom sees the house.", "He is in Boston today.")]
    assert greedy_batch(small_net, sources, [[], []], [0.3, 0.3]) == greedy(small_net, sources)


def test_a_draft_is_kept_where_nothing_is_much_likelier(small_net, vocabulary):
    source = vocabulary.source("Tom sees the house.", "de")
    draft = vocabulary.encode("Tom sieht das Haus")
    assert greedy_batch(small_net, [source], [draft], [0.95])[0][: len(draft)] == draft


def test_cuts_grow_and_end_with_the_whole():
    for seed in range(200):
        found = distill.cuts(1 + seed % 30, Random(seed))
        assert found == sorted(set(found)) and found[-1] == 1 + seed % 30 and found[0] >= 1


def test_examples_are_edited_towards_what_is_wanted(chains):
    for batch in examples.Chains(chains, examples.Recipe()).pool(0):
        for row, one in enumerate(batch.examples):
            edits = one.edits
            once = framed(applied(one.canvas, edits), 40)
            again = applied(once, examples.oracle(once, one.wanted, 8))
            assert again == list(one.wanted) or len(again) > len(applied(one.canvas, edits))
            filled = [n for n, number in enumerate(batch.fill[row]) if number]
            assert all(batch.canvas[row, n] == PLACEHOLDER for n in filled)


@pytest.fixture
def begin(chains, small_net):
    def make(out):
        out.mkdir(exist_ok=True)
        recipe = examples.Recipe()
        return Training(out, small_net, examples.Chains(chains, recipe), Plan(warm_up=5, rate=3e-3, recipe=recipe))

    return make


def test_it_learns_and_goes_on_after_an_interruption(begin, tmp_path):
    training = begin(tmp_path / "run")
    losses = [training.advance() for _ in range(60)]
    told = {name: [row[name] for row in losses if name in row] for name in ("fill", "keep", "own keep")}
    assert np.mean(told["fill"][-8:]) < 0.8 * np.mean(told["fill"][:8])
    assert np.mean(told["keep"][-8:]) < np.mean(told["keep"][:8]) and told["own keep"]
    training.save()
    resumed = begin(tmp_path / "run")
    assert resumed.step == 60
    assert all(torch.equal(a, b) for a, b in zip(resumed.net.parameters(), training.net.parameters(), strict=True))


def test_validation_keeps_the_best(begin, vocabulary, data, tmp_path):
    training = begin(tmp_path / "run")
    held_out = split(read_pairs(text_folder(data)))["train"]
    training.validate(Validation(held_out, vocabulary, 2))
    figures = (tmp_path / "run" / "log.jsonl").read_text()
    assert "erasure" in figures
    if training.best:
        load_edit_net(tmp_path / "run" / "best.safetensors")


def test_the_graphs_are_the_network(small_config, vocabulary, tmp_path):
    pytest.importorskip("onnx")
    from duplex.models.translation.fretna.engine import EditGraphs
    from duplex.models.translation.fretna.export import export_graphs

    torch.manual_seed(5)
    net = EditNet(small_config).eval()
    export_graphs(net, tmp_path, quantized=False)
    source = vocabulary.source("Tom sees the house.", "de")
    graphs, network = EditGraphs(tmp_path).read(source), TorchLooker(net, source)
    for canvas in (framed([20, 21], 3), framed([], 5), framed([20, PLACEHOLDER, 30]), framed([20, 30])):
        one, other = graphs.look(canvas), network.look(canvas)
        assert np.array_equal(one.fill, other.fill)
        for name in ("keep", "insert", "sure", "attention"):
            assert np.abs(getattr(one, name) - getattr(other, name)).max(initial=0.0) < 1e-4, name
