"""An echo over WebRTC by one framework, duplex, aiortc, fastrtc or pipecat, run by the interpreter that has it.

Reads an offer per line from standard input as {"sdp": ...}, and prints {"sdp": ...} of the answer; or, asked for
{"versions": true} or {"cpu": true}, the versions or the seconds of CPU used. Of this project only the duplex echo needs
anything, so that the others run elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version

Answer = Callable[[str], Awaitable[str]]
_kept: list[object] = []


def duplex() -> Answer:
    from duplex.streaming.clock import SystemClock
    from duplex.transport.webrtc import WebRtcPeer

    async def echo(peer: WebRtcPeer) -> None:
        async for chunk in peer.incoming():
            peer.play(chunk.samples)

    async def answer(sdp: str) -> str:
        peer = WebRtcPeer(SystemClock())
        described = await peer.answer(sdp)
        _kept.append((peer, asyncio.create_task(echo(peer))))
        return described

    return answer


def aiortc() -> Answer:
    from aiortc import RTCPeerConnection, RTCSessionDescription

    async def answer(sdp: str) -> str:
        pc = RTCPeerConnection()
        pc.on("track", pc.addTrack)
        await pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        _kept.append(pc)
        return pc.localDescription.sdp

    return answer


def fastrtc() -> Answer:
    from fastrtc import AsyncStreamHandler, Stream
    from fastrtc.stream import Body

    class Echo(AsyncStreamHandler):
        def __init__(self) -> None:
            super().__init__("mono", output_sample_rate=48_000, input_sample_rate=48_000)
            self.queue: asyncio.Queue = asyncio.Queue()

        async def start_up(self) -> None: ...

        async def receive(self, frame) -> None:
            self.queue.put_nowait(frame)

        async def emit(self):
            return await self.queue.get()

        def copy(self) -> Echo:
            return Echo()

    async def answer(sdp: str) -> str:
        stream = Stream(Echo(), modality="audio", mode="send-receive")  # one each: it takes one caller at a time
        _kept.append(stream)
        made = await stream.offer(Body(sdp=sdp, type="offer", webrtc_id=str(len(_kept))))
        return made["sdp"]

    return answer


def pipecat() -> Answer:
    from loguru import logger
    from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.worker import PipelineParams, PipelineWorker
    from pipecat.processors.frame_processor import FrameProcessor
    from pipecat.transports.base_transport import TransportParams
    from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
    from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
    from pipecat.workers.runner import WorkerRunner

    logger.remove()

    class Echo(FrameProcessor):
        async def process_frame(self, frame, direction) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, InputAudioRawFrame):
                frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
            await self.push_frame(frame, direction)

    async def answer(sdp: str) -> str:
        connection = SmallWebRTCConnection()
        transport = SmallWebRTCTransport(
            webrtc_connection=connection, params=TransportParams(audio_in_enabled=True, audio_out_enabled=True)
        )
        worker = PipelineWorker(
            Pipeline([transport.input(), Echo(), transport.output()]),
            params=PipelineParams(audio_in_sample_rate=48_000, audio_out_sample_rate=48_000, enable_metrics=False),
            cancel_on_idle_timeout=False,
            enable_rtvi=False,
            enable_turn_tracking=False,
        )
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        _kept.append((connection, asyncio.create_task(runner.run())))
        await connection.initialize(sdp=sdp, type="offer")
        asyncio.get_running_loop().create_task(connection.connect())
        return connection.get_answer()["sdp"]

    return answer


ECHOES = {"duplex": duplex, "aiortc": aiortc, "fastrtc": fastrtc, "pipecat": pipecat}
PACKAGES = {"duplex": "duplex", "aiortc": "aiortc", "fastrtc": "fastrtc", "pipecat": "pipecat-ai"}


async def main(name: str) -> None:
    answer = ECHOES[name]()
    loop = asyncio.get_running_loop()
    out = sys.stdout
    sys.stdout = sys.stderr  # frameworks greet on the way
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = json.loads(line)
        if "versions" in task:
            reply = {"versions": f"{PACKAGES[name]} {version(PACKAGES[name])} (aiortc {version('aiortc')})"}
        elif "cpu" in task:
            reply = {"cpu": time.process_time()}
        else:
            reply = {"sdp": await answer(task["sdp"])}
        print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
