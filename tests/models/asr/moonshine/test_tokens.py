"""The tokenizer's file, and texts to tokens and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.asr.moonshine.tokens import Tokens

SPACE = "\u2581"
PIECES = ["<unk>", "<s>", "</s>"]
TEXTS = [SPACE + "st", "op", SPACE + "stop", SPACE, "é", "a" * 200, "<<ST_0>>"]


def written(path: Path) -> Path:
    out = b""
    for text in [*(p.encode() for p in PIECES), *(bytes([b]) for b in range(256)), *(t.encode() for t in TEXTS)]:
        length = len(text)
        out += bytes([length]) if length < 128 else bytes([length & 0x7F | 0x80, length >> 7])
        out += text
    path.write_bytes(out)
    return path


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens.read(written(tmp_path_factory.mktemp("tokens") / "tokenizer.bin"))


def test_the_longest_pieces_make_a_text(tokens: Tokens) -> None:
    assert tokens.encode(" stop") == [261]
    assert tokens.encode(" st") == [259]
    assert tokens.decode([261, 259, 260]) == [" stop", " st", "op"]


def test_long_pieces_have_two_bytes_of_length(tokens: Tokens) -> None:
    assert tokens.texts[264] == b"a" * 200


@settings(deadline=None)
@given(text=st.text(max_size=40))
def test_whatever_is_encoded_is_decoded(tokens: Tokens, text: str) -> None:
    assert "".join(tokens.decode(tokens.encode(text))) == text


def test_control_tokens_have_no_text(tokens: Tokens) -> None:
    assert "".join(tokens.decode([1, 261, 265, 2])) == " stop"


def test_a_character_waits_for_its_last_byte(tokens: Tokens) -> None:
    first, second = (3 + byte for byte in "ü".encode())
    assert tokens.decode([first, second]) == ["", "ü"]
    assert tokens.decode([first, 261])[-1].endswith(" stop")
    assert "".join(tokens.decode([first])) == "\ufffd"


@pytest.mark.parametrize("damage", [lambda b: b[:-3], lambda b: b[:40], lambda b: b"", lambda b: b"\x05hello" + b])
def test_another_file_is_refused(tmp_path: Path, damage: object) -> None:
    path = written(tmp_path / "tokenizer.bin")
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ValueError, match="not a tokenizer"):
        Tokens.read(path)
