"""What is told of a session whose speech and responses end in an order that real time makes seldom."""

from __future__ import annotations

from unittest.mock import Mock

import numpy as np

from duplex import events as ev
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.rate_limits import response_bucket
from duplex.serving.realtime.session_events import SessionEvents
from duplex.streaming.audio import AudioChunk
from duplex.streaming.clock import SystemClock

LOUD = np.full(320, 0.5, np.float32)


class Told:
    """The events of a session that a test drives, 20 ms at a time."""

    def __init__(self) -> None:
        self.outbox, self.session = Mock(carries_sound=True), Mock()
        self.session.host.replying, self.session.host.position, self.session.host.made = 1, 0, 100_000
        self.events = SessionEvents(
            self.outbox, Configuration, lambda at: at // 16, Mock(), Mock(), response_bucket(SystemClock())
        )
        self.events.attach(self.session)
        self._at = 0

    def play(self) -> None:
        self.session.host.position += 320
        self.events.on_output(AudioChunk(self._at, LOUD))
        self._at += 320

    def types(self) -> list[str]:
        return [call.args[0] for call in self.outbox.put.call_args_list]


def test_speech_that_outlasts_a_response_is_told_when_that_is_over() -> None:
    told = Told()
    told.events.on_event(ev.Decision(0, 0, "announce", "", 0, 1))
    told.play()
    assert told.events.response is not None and told.events.response.audible
    told.events.on_event(ev.SpeechStarted(320, 640, "user"))
    told.play()
    assert "input_audio_buffer.speech_started" not in told.types(), "it may be a word of a listener"
    told.session.host.replying = None
    told.play()
    assert told.types()[-2:] == ["response.done", "input_audio_buffer.speech_started"]
    told.events.on_event(ev.Decision(640, 960, "nothing_said", "", 0, 1))
    committed = ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
    assert [each for each in told.types() if each in committed] == committed, "what is told begins and ends"


def test_a_word_of_a_listener_is_not_told_after_the_response() -> None:
    told = Told()
    told.events.on_event(ev.Decision(0, 0, "announce", "", 0, 1))
    told.play()
    told.events.on_event(ev.SpeechStarted(320, 640, "user"))
    told.events.on_event(ev.Decision(320, 960, "backchannel", "", 0, 1))
    told.session.host.replying = None
    told.play()
    assert told.types()[-1] == "response.done"
