"""Restoration in the loop: on the clock, switched live, and no way to break the conversation."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.hearing.live_restoration import LiveRestoration
from duplex.conversation.session import Session
from duplex.settings import Settings
from duplex.streaming.audio import FRAME
from duplex.streaming.errors import StageError
from duplex.testing import Answer, Playout, UserSpeech, VirtualClock, feed, scripted_engines

ASK = UserSpeech(0.5, 1.5, "what time is it")


class Ear(Playout):
    def __init__(self) -> None:
        super().__init__()
        self.restored: list[MultichannelFrame] = []

    def on_restored(self, frame: MultichannelFrame) -> None:
        self.restored.append(frame)


def test_restored_frames_lie_where_the_raw_ones_were() -> None:
    live = LiveRestoration("enhance")
    rng = np.random.default_rng(0)
    wave = np.zeros((100 * FRAME, 1), np.float32)
    wave[40 * FRAME : 60 * FRAME, 0] = 0.3 * np.sin(np.arange(20 * FRAME) * 0.2) + rng.normal(0, 0.01, 20 * FRAME)
    frames = [MultichannelFrame(n * FRAME + 320_000, wave[n * FRAME : (n + 1) * FRAME]) for n in range(100)]
    live.reset(320_000)
    out = [restored for frame in frames for restored in live.step(frame)]
    assert [f.start for f in out] == [320_000 + n * FRAME for n in range(len(out))]
    assert 100 * FRAME - len(out) * FRAME <= live.latency + FRAME
    restored = np.concatenate([f.samples for f in out])[:, 0]
    inside = np.sqrt(np.mean(restored[42 * FRAME : 58 * FRAME] ** 2))
    outside = np.sqrt(np.mean(restored[: 38 * FRAME] ** 2))
    assert inside > 20 * outside


def converse(settings: Settings, switch: str | None = None) -> Ear:
    ear, clock = Ear(), VirtualClock()
    engines = scripted_engines([ASK], [Answer("half past nine")])
    audio = engines.recognizer.script.audio()  # type: ignore[attr-defined]

    async def main() -> None:
        async with Session(settings, engines=engines, clock=clock, sinks=[ear]) as session:
            await feed(session, audio[: len(audio) // 2], clock)
            if switch is not None:
                await session.restore(switch)
            await feed(session, audio[len(audio) // 2 :], clock)
            await session.finish()

    clock.run(main())
    return ear


def test_the_conversation_is_the_same_with_restoration_beside_it() -> None:
    plain, restored = converse(Settings()), converse(Settings(restore="auto"))
    assert [e.text for e in plain.of("reply")] == [e.text for e in restored.of("reply")] == ["half past nine"]
    assert not plain.restored and len(restored.restored) > 150


def test_it_is_switched_on_and_off_in_mid_conversation() -> None:
    on = converse(Settings(), "enhance")
    off = converse(Settings(restore="enhance"), "")
    assert on.restored and on.restored[0].start > 1.4 * 16_000
    assert off.restored and off.restored[-1].end < 2.0 * 16_000
    assert [e.text for e in on.of("reply")] == [e.text for e in off.of("reply")] == ["half past nine"]


def test_a_restoration_that_fails_is_lost_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: LiveRestoration, frame: MultichannelFrame) -> list[MultichannelFrame]:
        raise StageError("seeded fault")

    monkeypatch.setattr(LiveRestoration, "step", fail)
    ear = converse(Settings(restore="enhance", restore_hearing=True))
    assert [(e.capability, e.reason) for e in ear.of("lost")] == [("restoration", "seeded fault")]
    assert [e.text for e in ear.of("reply")] == ["half past nine"]


def test_its_cost_is_reported() -> None:
    clock = VirtualClock()

    async def main() -> int:
        async with Session(Settings(restore="enhance"), engines=scripted_engines([]), clock=clock) as session:
            session.feed(np.zeros(10 * FRAME, np.float32))
            await asyncio.sleep(1)
            return session.timings["restore"].calls

    assert clock.run(main()) == 10
