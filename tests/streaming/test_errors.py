"""Every error that Duplex raises on purpose is caught by one name."""

from __future__ import annotations

import inspect

import duplex.streaming.errors as errors


def test_one_hierarchy() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert len(kinds) > 5
    for kind in kinds:
        assert issubclass(kind, errors.DuplexError)
        assert kind.__doc__
    assert not issubclass(errors.DuplexError, ValueError | OSError | RuntimeError)
