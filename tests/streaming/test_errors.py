"""Errors cross processes and threads whole, and every one that is raised on purpose is caught by one name."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

import duplex.streaming.errors as errors

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_from_another_process_says_and_knows_the_same(kind: type[errors.DuplexError]) -> None:
    error = kind("the recording is empty")
    for name, value in vars(error).items():  # what it carries besides the message
        setattr(error, name, 2.5 if isinstance(value, float) else f"a {name}")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is kind
        assert (str(other), vars(other)) == ("the recording is empty", vars(error))


def test_bugs_are_not_caught_with_them() -> None:
    """`except DuplexError` must not hide a wrong type or a missing key, nor `except OSError` an error of ours."""
    for kind in KINDS:
        assert issubclass(kind, errors.DuplexError)
        assert not issubclass(kind, (OSError, LookupError, TypeError, ValueError, RuntimeError))
