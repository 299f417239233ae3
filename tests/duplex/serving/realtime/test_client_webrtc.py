"""`@openai/agents` in Chromium: RealtimeSession over its stock WebRTC transport, with scripted engines."""

from __future__ import annotations

import pytest

from tests.duplex.serving.realtime.in_chromium import bundled
from tests.duplex.serving.realtime.scripted_conversation import by_chromium, exercised


@pytest.mark.timeout(900)
async def test_a_spoken_conversation_over_webrtc() -> None:
    bundle = bundled()
    with exercised() as events:
        await by_chromium(bundle)
    assert not events.errors
    assert events.sent["session.update"] and events.told["response.function_call_arguments.done"] == 1
