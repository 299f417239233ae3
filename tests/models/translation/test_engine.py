"""The runtime on an untrained network: it must be sane with anything, whatever the network says."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from duplex.models.translation.engine import BundledTranslator, Graphs
from duplex.models.translation.search import limit, search
from duplex.models.translation.vocabulary import normalized
from duplex.streaming.errors import ModelError, SettingsError


@pytest.fixture(scope="module")
def translator(exported):
    return BundledTranslator(exported, beam=2)


def test_graphs_equal_the_network(exported, small_net):
    torch = pytest.importorskip("torch")
    from duplex.models.translation.network import padding_mask

    graphs, rng = Graphs(exported), np.random.default_rng(1)
    source = rng.integers(10, 330, (2, 9))
    source[1, 6:] = 0
    tensor = torch.from_numpy(source)
    mask = padding_mask(tensor)
    memory = graphs.encode(source)
    past = graphs.initial_past(2)
    numbers = rng.integers(10, 330, (2, 6))
    logs, past, _ = graphs.step(numbers[:, :4], memory, mask.numpy(), past)
    more, _, attention = graphs.step(numbers[:, 4:], memory, mask.numpy(), past)
    with torch.no_grad():
        wanted = torch.log_softmax(small_net.logits(small_net(tensor, mask, torch.from_numpy(numbers))), -1)
    assert np.abs(np.concatenate([logs, more], 1) - wanted.numpy()).max() < 1e-4
    assert np.allclose(attention.sum(-1), 1, atol=1e-5) and attention[1, :, 6:].max() < 1e-6


def test_cached_steps_equal_one_pass(small_net):
    torch = pytest.importorskip("torch")
    from duplex.models.translation.network import padding_mask

    source, target = torch.randint(10, 330, (3, 7)), torch.randint(10, 330, (3, 8))
    mask = padding_mask(source)
    with torch.no_grad():
        whole = torch.log_softmax(small_net.logits(small_net(source, mask, target)), -1)
        memory = torch.stack([torch.stack(pair) for pair in small_net.memories(small_net.encode(source, mask))])
        past, steps = small_net.initial_past(3), []
        for place in range(8):
            logs, past, _ = small_net.step(target[:, place : place + 1], memory, mask, past)
            steps.append(logs)
    assert (torch.cat(steps, 1) - whole).abs().max() < 1e-4


def test_int8_is_near(small_net, tmp_path):
    pytest.importorskip("onnx")
    from duplex.models.translation.export import export_graphs

    export_graphs(small_net, tmp_path)
    export_graphs(small_net, tmp_path / "float", quantized=False)
    source = np.random.default_rng(2).integers(10, 330, (1, 12))
    small, exact = Graphs(tmp_path).encode(source), Graphs(tmp_path / "float").encode(source)
    assert np.abs(small - exact).mean() < 0.1 * np.abs(exact).mean()
    assert (tmp_path / "encoder.onnx").stat().st_size < (tmp_path / "float" / "encoder.onnx").stat().st_size


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "\n\x00"])
def test_nothing_to_translate(translator, text):
    found = translator.translate(text, "en", "de")
    assert not any(c.isalnum() for c in found.text) and not found.hopeless


def test_five_hundred_words(translator):
    text = " ".join(f"word{n % 7} and {n}" for n in range(170))
    found = translator.translate(text, "en", "de")
    sources = [translator.vocabulary.source(part, "de") for part in [text]]
    assert len(translator.vocabulary.encode(found.text)) <= sum(limit(source) for source in sources) + 300


@pytest.mark.parametrize("text", ["25", "4711 0815", "12:30 - 14:00"])
def test_numbers_alone_are_left_alone(translator, text):
    assert translator.translate(text, "en", "de").text == text


def test_a_script_it_cannot_read_is_left_alone_and_marked(translator):
    found = translator.translate("你好世界，你好", "en", "de")
    assert found.text == normalized("你好世界，你好") and found.hopeless and not found.complete


def test_one_word_of_a_thousand_letters(translator):
    assert isinstance(translator.translate("a" * 1000, "en", "de").text, str)


def test_a_pair_it_does_not_have(translator):
    with pytest.raises(SettingsError, match="en-fr"):
        translator.translate("Hello", "en", "fr")


def test_a_fixed_beginning_stays(translator):
    assert translator.translate("Tom sees the house.", "en", "de", begin="Tom sieht").text.startswith("Tom sieht")


def test_alignment_names_a_source_word_for_each_word(translator):
    found = translator.translate("Tom sees the house. He is in Boston today.", "en", "de")
    assert len(found.alignment) == len(found.text.split())
    assert all(0 <= place < 9 for place in found.alignment)


def test_a_wider_beam_is_no_less_likely(exported):
    source = BundledTranslator(exported).vocabulary.source("My brother reads a book.", "de")
    graphs = Graphs(exported)
    memory = graphs.encode(np.array([source]))
    scores = [search(graphs, source, memory, beam, most=6).logs for beam in (1, 6)]
    assert all(np.isfinite(score).all() for score in scores)


def test_missing_files(tmp_path, exported):
    with pytest.raises(ModelError, match="not a vocabulary"):
        BundledTranslator(tmp_path)
    with pytest.raises(ModelError, match="can be run"):
        Graphs(tmp_path)


def test_the_runtime_needs_no_torch(exported):
    code = (
        "import sys; from duplex.models.translation.engine import BundledTranslator as B;"
        f"B({str(exported)!r}).translate('Tom is in Boston.', 'en', 'de'); assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
