"""RTTM as it is found in the wild."""

from __future__ import annotations

from pathlib import Path

import pytest

from duplex.models.diarization.contract import Turn
from duplex.models.diarization.rttm import read_rttm
from duplex.session_record.rttm import to_rttm
from duplex.session_record.subtitles import SpeakerTurn
from duplex.streaming.errors import InputError


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.rttm"
    turns = [SpeakerTurn(2.0, 3.5, "bob b"), SpeakerTurn(0.25, 2.5, "ann")]
    path.write_text(to_rttm(turns, "one") + to_rttm(turns[:1], "two"))
    assert read_rttm(path) == {
        "one": [Turn(0.25, 2.5, "ann"), Turn(2.0, 3.5, "bob_b")],
        "two": [Turn(2.0, 3.5, "bob_b")],
    }


def test_other_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.rttm"
    path.write_text("\n;; comment\nSPKR-INFO a 1 <NA> <NA> <NA> x y <NA>\nSPEAKER a 1 0 1 <NA> <NA> x <NA>\n")
    assert read_rttm(path) == {"a": [Turn(0.0, 1.0, "x")]}


@pytest.mark.parametrize("line", ["SPEAKER a 1 0", "SPEAKER a 1 x 1 <NA> <NA> x", "SPEAKER a 1 0 nan <NA> <NA> x"])
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.rttm"
    path.write_text(f"\n{line}\n")
    with pytest.raises(InputError, match=r"a\.rttm: line 2"):
        read_rttm(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_rttm(tmp_path / "none.rttm")
