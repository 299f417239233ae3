"""Our own clients of such servers, against our own server: what is spoken over the wire is heard over the wire."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from duplex.models.asr import load_recognizer
from duplex.models.store import find
from duplex.models.tts import Voice, load_synthesizer
from duplex.streaming.resample import resample
from tests.duplex.serving.audio.programs import SCRIPT, TEXT, TOKEN, programs


def _heard(base: str, samples: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    monkeypatch.setenv("OPENAI_API_KEY", TOKEN)
    recognizer = load_recognizer(base, live=False)
    try:
        state = recognizer.initial_state(1)
        for at in range(0, len(samples) - recognizer.hop + 1, recognizer.hop):
            _, state = recognizer.step(samples[at : at + recognizer.hop], state)
        return [(word.text, word.start, word.end) for word in recognizer.flush(state).words]
    finally:
        recognizer.close()


def _spoken(base: str, text: str, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.setenv("OPENAI_API_KEY", TOKEN)
    synthesizer = load_synthesizer(base)
    try:
        chunks = [chunk.samples for chunk in synthesizer.synthesize(text, Voice())]
        return resample(np.concatenate(chunks), synthesizer.sample_rate, 16_000)
    finally:
        synthesizer.close()


async def test_our_clients_understand_our_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async with programs() as running:
        words = await asyncio.to_thread(_heard, running.base, SCRIPT.audio(), monkeypatch)
        assert " ".join(text for text, _, _ in words) == TEXT
        assert all(0.4 * 16_000 <= start < end <= 4.2 * 16_000 for _, start, end in words)
        speech = await asyncio.to_thread(_spoken, running.base, "one two three", monkeypatch)
        assert len(speech) / 16_000 == pytest.approx(0.9, abs=0.02)


@pytest.mark.slow
async def test_real_engines_over_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    if find("moonshine-tiny-en") is None:
        pytest.skip("moonshine-tiny-en has not been pulled")
    from functools import partial

    from duplex.models.tts.espeak import EspeakSynthesizer
    from duplex.models.vad import load_vad

    real = {
        "recognizer": partial(load_recognizer, "moonshine-tiny", live=False),
        "synthesizer": EspeakSynthesizer,
        "vad": load_vad,
    }
    async with programs(**real) as running:
        speech = await asyncio.to_thread(_spoken, running.base, "The meeting is on Friday.", monkeypatch)
        padded = np.pad(speech, 8000).astype(np.float32)
        words = await asyncio.to_thread(_heard, running.base, padded, monkeypatch)
        assert "friday" in " ".join(text for text, _, _ in words).lower()
