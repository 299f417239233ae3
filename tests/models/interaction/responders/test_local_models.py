from __future__ import annotations

from pathlib import Path

import pytest

from duplex.models.interaction.responders import gguf_lm
from duplex.models.interaction.responders.local_models import locate, open_local_model
from duplex.streaming.errors import ModelError


def gguf(path: Path) -> Path:
    """The head of a GGUF file, and nothing after it."""
    path.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(16))
    return path


def test_a_file_and_a_folder_with_one_file_are_that_file(tmp_path):
    file = gguf(tmp_path / "model.gguf")
    assert locate(str(file)) == file
    assert locate(str(tmp_path)) == file


def test_of_a_file_in_parts_the_first_is_named(tmp_path):
    first = gguf(tmp_path / "big-00001-of-00002.gguf")
    gguf(tmp_path / "big-00002-of-00002.gguf")
    assert locate(str(tmp_path)) == first


def test_a_folder_of_transformers_is_a_folder_whatever_else_is_in_it(tmp_path):
    gguf(tmp_path / "model.gguf")
    (tmp_path / "config.json").write_text("{}")
    assert locate(str(tmp_path)) == tmp_path


def test_an_id_stays_an_id():
    assert locate("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"


@pytest.mark.parametrize("content", [b"", b"GG", b"hello, I am text", b"PK\x03\x04"])
def test_a_file_that_is_no_gguf(tmp_path, content):
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelError, match="not a GGUF file"):
        open_local_model(str(file))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        open_local_model(str(tmp_path / "model.gguf"))


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ModelError, match="neither config"):
        open_local_model(str(tmp_path))


def test_several_files_are_not_chosen_between(tmp_path):
    gguf(tmp_path / "a.gguf")
    gguf(tmp_path / "b.gguf")
    with pytest.raises(ModelError, match=r"several GGUF files \(a.gguf, b.gguf\)"):
        open_local_model(str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("runs", [True, False])
def test_a_gguf_file_that_ends_too_early_is_one_line(tmp_path, runs, monkeypatch):
    if runs:
        pytest.importorskip("xllamacpp")
    pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    monkeypatch.setattr(gguf_lm, "runs_gguf", lambda: runs)
    with pytest.raises(ModelError) as caught:
        open_local_model(str(gguf(tmp_path / "model.gguf")))
    assert "\n" not in str(caught.value)
    assert "model.gguf" in str(caught.value)


def test_a_model_of_the_store_for_something_else_is_refused_before_it_is_pulled():
    with pytest.raises(ModelError, match="smart-turn-v3 is not for interaction but for turn_taking"):
        locate("smart-turn-v3")
