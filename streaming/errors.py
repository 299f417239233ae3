"""The one error hierarchy of Duplex.

A message says what was wrong, with which input, and what to do about it; a command prints it as one line.
"""

from __future__ import annotations


class DuplexError(Exception):
    """Base of every error that Duplex raises on purpose."""


class InputError(DuplexError):
    """A recording or block of audio cannot be used: missing, not audio, empty, wrong shape."""


class OutputError(DuplexError):
    """A result cannot be written: no permission, no space, in the way of something else."""


class SettingsError(DuplexError):
    """A setting is unknown, of the wrong type or out of range."""


class ModelError(DuplexError):
    """A model or engine cannot be had: not installed, not cached, not of the class asked for."""


class StageError(DuplexError):
    """A stage failed while running. It takes down its own output, not the call."""


class StalledError(StageError):
    """A step did not end within its limit and was given up."""


class EndpointError(DuplexError):
    """A model server refuses, stalls, dies or gives no answer. The session says so and goes on.

    spoken: the sentence for the user; empty if the session's own will do.
    """

    def __init__(self, *args: object, spoken: str = "") -> None:
        super().__init__(*args)
        self.spoken = spoken


class TransportError(DuplexError):
    """A call cannot be set up: the offer is unusable, or the extra that carries calls is not installed."""


class CallError(DuplexError):
    """A call cannot be made or touched. reason: why, in one word; retry_after: seconds, if waiting helps."""

    def __init__(self, message: str, reason: str = "unknown", retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[CallError], tuple[str, str, float]]:
        return type(self), (str(self), self.reason, self.retry_after)


class QueueClosed(DuplexError):
    """The other side of a queue is gone and everything it held has been taken."""


class DeviceError(DuplexError):
    """A microphone, a loudspeaker or the sound system cannot be used: missing, not installed, in use by another."""


def first_line(error: BaseException, most: int = 160) -> str:
    """What a foreign error says, on its first line; its type if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:most]
