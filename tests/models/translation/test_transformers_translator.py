"""Translators of the transformers library, on tiny untrained models of the very same classes, offline."""

from __future__ import annotations

import pytest

from duplex.models.translation import load_translator
from duplex.streaming.errors import ModelError, SettingsError

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def offline():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def marian(tmp_path_factory):
    from tests.models.translation.tiny_models import save_marian

    return save_marian(tmp_path_factory.mktemp("marian"))


@pytest.fixture(scope="module")
def m2m100(tmp_path_factory):
    from tests.models.translation.tiny_models import save_m2m100

    return save_m2m100(tmp_path_factory.mktemp("m2m100"))


def test_a_model_of_one_pair(marian):
    translator = load_translator(str(marian), "en", "fr")
    assert translator.pairs == {("en", "fr")}
    found = translator.translate("the cat sat on the mat", "en", "fr")
    assert (found.source, found.target) == ("en", "fr") and 0 <= found.quality <= 1
    with pytest.raises(SettingsError, match="has no en-de"):
        translator.translate("the cat", "en", "de")


def test_a_beginning_stays(marian):
    translator = load_translator(str(marian))
    begin = "the cat"
    assert translator.translate("the cat sat on the mat", "en", "fr", begin=begin).text.startswith(begin)


def test_a_model_that_says_nothing_of_its_pair_takes_the_one_asked_for(marian, tmp_path):
    (tmp_path / "model").symlink_to(marian)
    assert load_translator(str(tmp_path / "model"), "pt-BR", "en").pairs == {("pt", "en")}


def test_a_model_of_many_pairs_is_told_both_languages(m2m100, monkeypatch):
    translator = load_translator(str(m2m100), "en", "de")
    assert {("en", "de"), ("de", "en"), ("zh", "fr")} <= translator.pairs
    asked = []
    generate = translator._network.generate

    def seen(**options):
        asked.append(options)
        return generate(**options)

    monkeypatch.setattr(translator._network, "generate", seen)
    translator.translate("the cat sat", "en", "de")
    tokenizer = translator._tokenizer
    assert asked[0]["input_ids"][0, 0] == tokenizer.get_lang_id("en")
    assert asked[0]["forced_bos_token_id"] == tokenizer.get_lang_id("de")
    translator.translate("the cat sat", "en", "de", begin="the cat")
    assert asked[1]["decoder_input_ids"][0, 1] == tokenizer.get_lang_id("de")
    assert translator.translate("the cat sat", "en", "de", begin="the cat").text.startswith("the cat")


@pytest.mark.parametrize("text", ["", "  ", "4711", "..."])
def test_nothing_to_translate(marian, text):
    found = load_translator(str(marian)).translate(text, "en", "fr")
    assert found.text == text.strip() and not found.hopeless


def test_five_hundred_words_end_and_do_not_loop(marian):
    found = load_translator(str(marian)).translate(" ".join(["we go home"] * 167), "en", "fr")
    words = found.text.split()
    assert len(words) < 1200 and not any(len(set(words[at : at + 8])) == 1 for at in range(len(words) - 8))


def test_what_is_no_translator(tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        load_translator("./nowhere")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="not a translator"):
        load_translator(str(tmp_path))
