"""pipecat's OpenAIRealtimeLLMService in a pipeline with its context aggregators, by `base_url`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import Frame, InputAudioRawFrame, InterruptionFrame, LLMRunFrame, TTSTextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner
from spoken import RATE, Told, converse_by, main


class Speaker(FrameProcessor):
    """What would be played, at the end of the pipeline."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self._told = told

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._told("interrupted")
        elif isinstance(frame, TTSTextFrame):
            self._told("said", frame.text)
        await self.push_frame(frame, direction)


async def program(address: str, key: str, folder: Path, told: Told) -> None:
    weather = FunctionSchema("get_weather", "The weather in a city.", {"city": {"type": "string"}}, ["city"])
    llm = OpenAIRealtimeLLMService(
        api_key=key,
        base_url=f"{address.replace('http', 'ws')}v1/realtime",
        settings=OpenAIRealtimeLLMService.Settings(system_instruction="Help the caller."),
    )

    async def get_weather(params: FunctionCallParams) -> None:
        told("tool", str(params.arguments))
        await params.result_callback("it rains.")

    llm.register_function("get_weather", get_weather)
    context = LLMContext([{"role": "user", "content": "hello"}], ToolsSchema(standard_tools=[weather]))
    both = LLMContextAggregatorPair(context)
    pipeline = Pipeline([both.user(), llm, Speaker(told), both.assistant()])
    worker = PipelineWorker(pipeline, params=PipelineParams(audio_in_sample_rate=RATE), idle_timeout_secs=None)

    async def send(piece: bytes) -> None:
        await worker.queue_frame(InputAudioRawFrame(audio=piece, sample_rate=RATE, num_channels=1))

    async def cancel() -> None:
        await llm.send_client_event(events.ResponseCancelEvent())
        told("done")

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.ensure_future(runner.run())
    await worker.queue_frame(LLMRunFrame())
    await told.until("said", ".")
    await converse_by(send, cancel, told, folder)
    await asyncio.sleep(1.0)
    await worker.cancel()
    await running


main(program)
