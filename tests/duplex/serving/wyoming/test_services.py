"""Wyoming's services through the package's own client: what is told, and in which order."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

from duplex.serving.audio.encoder import RATE
from duplex.settings import Settings
from duplex.streaming.resample import resample
from duplex.testing import ScriptedRecognizer, ScriptedSynthesizer, ScriptedVad
from tests.duplex.serving.audio.programs import SCRIPT, TEXT
from tests.duplex.serving.wyoming.running import heard, sound, words, wyoming

TRANSCRIPT = ["transcript-start", "transcript", "transcript-stop"]


async def test_what_it_says_of_itself() -> None:
    async with wyoming() as running, running.client() as client:
        await client.send(Describe(), Ping("still there?"))
        told = await client.until("pong")
        assert told[1].data == {"text": "still there?"}
        info = Info.from_event(told[0])
        (asr,), (tts,) = info.asr, info.tts
        assert asr.installed and asr.models[0].languages == ["en"] and asr.supports_transcript_streaming
        assert tts.installed and tts.voices[0].languages == ["en"] and tts.supports_synthesize_streaming
        assert not info.wake and not info.handle


@pytest.mark.parametrize("pace", [0.0, pytest.param(1.0, marks=pytest.mark.slow)])
async def test_a_stream_is_heard(pace: float) -> None:
    """As it is spoken, each word is told as soon as it is stable; of a recording, each utterance."""
    async with wyoming() as running, running.client() as client:
        await client.send(Transcribe(language="en-US"))
        await client.speak(SCRIPT.audio(), pace=pace)
        told = await client.until("transcript-stop")
        kinds = [event.type for event in told]
        assert [kind for kind in kinds if kind in TRANSCRIPT] == TRANSCRIPT
        assert words(told) == told[-2].data["text"] == TEXT and told[-2].data["language"] == "en"
        assert kinds.count("transcript-chunk") == (len(TEXT.split()) if pace else 2)
        voice = [(event.type, event.data["timestamp"]) for event in told if event.type.startswith("voice")]
        assert [kind for kind, _ in voice] == ["voice-started", "voice-stopped"] * 2
        assert [at for _, at in voice] == pytest.approx([500, 1500, 3000, 4000], abs=30)
        assert running.counted("wyoming transcribe", "ok") == 1 and not running.busy()


async def test_words_come_before_the_stream_is_over() -> None:
    async with wyoming() as running, running.client() as client:
        form = {"rate": 16_000, "width": 2, "channels": 1}
        audio, end = sound(SCRIPT.audio()), 2 * round(2.4 * 16_000)
        await client.send(AudioStart(**form), AudioChunk(audio=audio[:end], **form))
        told = await client.until("transcript-chunk")
        assert told[-1].data == {"text": "what time is it"} and running.busy() == 1
        await client.send(AudioChunk(audio=audio[end:], **form), AudioStop())
        assert (await client.until("transcript"))[-1].data["text"] == TEXT


@pytest.mark.parametrize(("rate", "width", "channels"), [(48_000, 2, 2), (22_050, 4, 1), (16_000, 1, 1), (8000, 2, 1)])
async def test_sound_of_any_format(rate: int, width: int, channels: int) -> None:
    """The scripted engines read levels, which no resampling may bend: 20 Hz waves of the same levels pass it."""
    audio = np.abs(SCRIPT.audio()) * np.sign(np.sin(2 * np.pi * 20 * np.arange(len(SCRIPT.audio())) / 16_000))
    async with wyoming() as running, running.client() as client:
        await client.speak(np.clip(resample(audio.astype(np.float32), 16_000, rate), -1, 1), rate, width, channels)
        told = await client.until("transcript-stop")
        voice = [event.data["timestamp"] for event in told if event.type == "voice-started"]
        assert voice == pytest.approx([500, 3000], abs=40)


async def test_silence_and_nothing_at_all() -> None:
    async with wyoming() as running, running.client() as client:
        for samples in (np.zeros(16_000, np.float32), np.zeros(0, np.float32)):
            await client.speak(samples)
            told = await client.until("transcript-stop")
            assert [event.type for event in told] == TRANSCRIPT and told[1].data["text"] == ""
        await client.send(AudioStop())
        assert (await client.until("transcript-stop"))[1].data["text"] == ""


async def test_voice_activity_without_a_request() -> None:
    async with wyoming() as running, running.client() as client:
        audio, form = sound(SCRIPT.audio()), {"rate": 16_000, "width": 2, "channels": 1}
        await client.send(*(AudioChunk(audio=audio[at : at + 3200], **form) for at in range(0, 64_000, 3200)))
        told = await client.until("voice-stopped")
        assert [event.type for event in told if event.type.startswith("voice")] == ["voice-started", "voice-stopped"]


async def test_numbers_as_people_write_them() -> None:
    pytest.importorskip("text_to_num")
    from duplex.testing.fakes import UserScript, UserSpeech

    script = UserScript((UserSpeech(0.5, 1.5, "set twenty three degrees"),))
    loaders = {
        "live_recognizer": lambda: ScriptedRecognizer(script),
        "recognizer": lambda: ScriptedRecognizer(script),
        "synthesizer": ScriptedSynthesizer,
        "vad": ScriptedVad,
    }
    async with wyoming(settings=Settings(written_numbers=True), **loaders) as running, running.client() as client:
        await client.speak(script.audio())
        told = await client.until("transcript-stop")
        assert words(told) == told[-2].data["text"] == "set 23 degrees"


async def test_a_text_is_spoken() -> None:
    async with wyoming() as running, running.client() as client:
        await client.send(Synthesize("one two three"))
        told = await client.until("audio-stop")
        assert told[0].type == "audio-start" and told[0].data["rate"] == RATE
        assert len(heard(told)) / RATE == pytest.approx(0.9, abs=0.02)
        await client.send(Synthesize(""))
        assert [event.type for event in await client.until("audio-stop")] == ["audio-start", "audio-stop"]
        assert running.counted("wyoming synthesize", "ok") == 2 and not running.busy()


async def test_a_text_is_spoken_while_it_is_written() -> None:
    """Home Assistant sends the whole text once more before the end, for servers that cannot."""
    async with wyoming() as running, running.client() as client:
        await client.send(SynthesizeStart(), SynthesizeChunk("One two."), SynthesizeChunk(" Three"))
        first = await client.until("audio-stop")
        assert len(heard(first)) / RATE == pytest.approx(0.6, abs=0.02)
        await client.send(SynthesizeChunk(" four."), Synthesize("One two. Three four."), SynthesizeStop())
        rest = await client.until("synthesize-stopped")
        assert [event.type for event in rest if event.type != "audio-chunk"] == [
            "audio-start",
            "audio-stop",
            "synthesize-stopped",
        ]
        assert len(heard(rest)) / RATE == pytest.approx(0.6, abs=0.02)


class Voices(ScriptedSynthesizer):
    """Speaks with several, and says whom it spoke with."""

    def voices(self):  # type: ignore[no-untyped-def]
        from duplex.models.tts.contract import Voice

        return [Voice("Ann", "en-gb"), Voice("/some/where/berta.onnx", "de"), Voice("Clara", "de-at")]

    def synthesize(self, text, voice):  # type: ignore[no-untyped-def]
        self.spoken = voice.name
        return super().synthesize(text, voice)


async def test_the_voice_that_is_asked_for() -> None:
    synthesizer = Voices()
    loaders = {
        "live_recognizer": lambda: ScriptedRecognizer(SCRIPT),
        "synthesizer": lambda: synthesizer,
        "vad": ScriptedVad,
    }
    async with wyoming(**loaders) as running, running.client() as client:
        await client.send(Describe())
        info = Info.from_event((await client.until("info"))[0])
        assert [voice.name for voice in info.tts[0].voices] == ["duplex-tts", "Ann", "berta.onnx", "Clara"]
        for asked, spoken in (
            (SynthesizeVoice(name="Clara"), "Clara"),
            (SynthesizeVoice(name="berta.onnx"), "/some/where/berta.onnx"),
            (SynthesizeVoice(language="de-AT"), "Clara"),
            (SynthesizeVoice(language="de-CH"), "/some/where/berta.onnx"),
            (SynthesizeVoice(language="en"), ""),
        ):
            await client.send(Synthesize("one", voice=asked))
            assert len(heard(await client.until("audio-stop"))) and synthesizer.spoken == spoken


async def test_the_engines_are_those_of_the_calls() -> None:
    async with wyoming() as running:
        engines = running.service.engines
        assert await engines.live_recognizer() is running.host.engines.recognizer
        assert await engines.synthesizer() is running.host.engines.synthesizer


async def test_many_clients_side_by_side() -> None:
    async with wyoming() as running:

        async def ask() -> str:
            async with running.client() as client:
                await client.speak(SCRIPT.audio())
                return (await client.until("transcript"))[-1].data["text"]

        assert await asyncio.gather(*(ask() for _ in range(3))) == [TEXT] * 3
