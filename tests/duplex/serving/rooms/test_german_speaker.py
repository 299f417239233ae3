"""A German speaker in a room, heard by a real multilingual recognizer by id, at virtual time."""

from __future__ import annotations

import os

import numpy as np
import pytest

from duplex.conversation.interpreting.voice import speech
from duplex.engines import Engines
from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Voice
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.settings import Settings
from duplex.testing import VirtualClock
from tests.duplex.serving.scripted import Peers, join, speak

SAID = "Das Museum ist am Montag geschlossen."


@pytest.mark.slow
def test_german_is_heard_and_spoken_in_english() -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed: pip install 'duplex[whisper]'")
    folder = os.environ.get("DUPLEX_TEST_WHISPER")
    if not folder:
        pytest.skip("DUPLEX_TEST_WHISPER names no folder of a converted multilingual Whisper model")
    settings = Settings(recognizer="pocketsphinx", recognizers=f"de=faster-whisper:{folder}", diarize=False)
    sound = np.concatenate(list(speech(load_synthesizer(), SAID, Voice(language="de"))))
    sound = np.pad(sound, (8_000, 48_000))

    async def main() -> None:
        peers, engines = Peers(), Engines.from_settings(settings)
        async with InProcessHost(settings, peers, clock=clock, engines=engines) as held:
            people = await join(held, peers, "den", {"Ann": "en", "Bob": "de"})
            began = len(people["Ann"].sound)
            await speak(clock, {people["Bob"]: sound, people["Ann"]: np.zeros(0, np.float32)})
            (told,) = people["Ann"].of("interpreted")
            heard = people["Ann"].sound[began:]
        engines.close_now()
        assert (told["party"], told["language"], told["left_out"]) == ("Bob", "en", False)
        assert "museum" in told["text"].lower() and "Monday" in told["text"]
        assert np.abs(heard[told["start"] : told["end"]]).max() > 0.02

    clock = VirtualClock()
    clock.run(main())
