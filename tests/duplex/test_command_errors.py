"""Whatever a command raises on purpose becomes one line and a non-zero status; a bug keeps its traceback."""

from __future__ import annotations

import inspect

import pytest

import duplex.streaming.errors as errors
from duplex.cli import main
from duplex.commands import doctor

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DuplexError)]


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run(args: object) -> int:
        raise error

    monkeypatch.setattr(doctor, "run", run)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_one_line(kind: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    raising(monkeypatch, kind("call.wav:\n  is empty"))
    assert main(["doctor"]) != 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "duplex: call.wav: is empty\n")
    with pytest.raises(kind):
        main(["doctor", "--debug"])


def test_a_bug_is_not_made_pretty(monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, KeyError("speaker"))
    with pytest.raises(KeyError):
        main(["doctor"])
