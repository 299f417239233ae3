"""Perception: the graph of nodes through which a session's input goes.

    input ─┬─ echo control ─┬─ activity and segmentation (on the loop) ── recognize, and
           │                │                                             spot commands, a node for each party
           │                ├─ diarize, and tag sounds, a node for each party
           │                ├─ listen (an answerer that hears for itself)
           │                └─ restore
           └─ sinks

Everything behind the input has its own queue and its own task: what is slow loses its own input and delays nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from duplex.conversation.audience import Audience
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.hearing.listening import Listening
from duplex.conversation.hearing.live_restoration import LiveRestoration
from duplex.conversation.hearing.prosody import ProsodyTracker
from duplex.conversation.hearing.segmenter import AsrChunk, Segmenter
from duplex.conversation.hearing.sounds import LiveSounds
from duplex.conversation.hearing.speaker_labels import SpeakerLabels
from duplex.conversation.hearing.spoken_commands import SpokenCommands
from duplex.conversation.hearing.utterances import UtteranceRecognizer
from duplex.conversation.turn_manager import TurnManager
from duplex.models.asr.contract import Recognizer
from duplex.models.interaction.contract import Listens
from duplex.models.turn_taking import Slopes
from duplex.models.vad.contract import VoiceActivityDetector
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.gain import ChannelGains
from duplex.streaming.pipeline import Node, Pipeline, reason_of
from duplex.streaming.pool import Steps

RESTORED_IN_TIME = round(0.08 * SAMPLE_RATE)
"""Samples, beside its latency, that restoration may be late by where hearing waits for it; then the raw frame is heard.
"""

ECHO_LASTS = round(0.5 * SAMPLE_RATE)
"""Samples after the assistant's own sound within which echo control may leave something of it."""

RESTORE_LIMIT = 5.0
"""Seconds after which a step of restoration counts as stalled."""


class EchoControl(Protocol):
    """Acoustic echo control (duplex/microphone/echo_control.py is one)."""

    def cancel(self, chunk: AudioChunk) -> Any: ...

    def play(self, chunk: AudioChunk) -> None: ...


class Perception:
    """Declares the nodes and holds what they share. `input` is where frames go in.

    spotter: hears short commands over a reply, if anything does. buffer: seconds of input that may wait. gap, limit: of
    utterances, in seconds. labels: tells the people on the one channel apart, if anybody does. sounds: of each party,
    if they are to be told. restore_engine: what restores the sound. restore_hearing: activity and recognition hear the
    restored sound while there is any.
    listener: hears all parties beside the recognizer, if the answerer does; dialogue: what it calls the conversation.
    """

    def __init__(
        self,
        parties: Sequence[str],
        manager: TurnManager,
        audience: Audience,
        steps: Steps,
        *,
        vad: VoiceActivityDetector[Any],
        recognizer: Recognizer[Any],
        spotter: Recognizer[Any] | None = None,
        labels: SpeakerLabels | None = None,
        sounds: Sequence[LiveSounds] = (),
        echo_control: EchoControl | None = None,
        buffer: float = 5.0,
        gap: float = 0.35,
        limit: float = 20.0,
        restore_engine: str = "auto",
        restore_hearing: bool = False,
        listener: Listens | None = None,
        dialogue: str = "",
    ) -> None:
        self.echo_control = echo_control
        self.gains = ChannelGains(len(parties))
        self.labels = labels
        self.restoring = False
        self._manager = manager
        self._audience = audience
        self._steps = steps
        self._parties = len(parties)
        self._own_voice_until = 0
        self._restoration: LiveRestoration | None = None
        self._restore_engine = restore_engine
        self._restore_hearing = restore_hearing
        self._unheard: deque[MultichannelFrame] = deque()
        """Frames that hearing has not had yet, since their restored twins are being made."""
        capacity = max(1, round(buffer * SAMPLE_RATE / FRAME))
        self.input: Node[MultichannelFrame] = Node(
            "input", self._perceive, finish=self._finish, capacity=capacity, capability="perception"
        )
        self.nodes: list[Node[Any]] = [self.input]
        self.recognizers: list[UtteranceRecognizer] = []
        self._spotters: list[SpokenCommands] = []
        self._recognition: list[Node[AsrChunk]] = []
        self.segmenters: list[Segmenter] = []
        self._prosody = ProsodyTracker(steps, self._ending_measured, after=[self.input])
        self.nodes.append(self._prosody.node)
        for channel, party in enumerate(parties):
            put = self._prosody.beside(channel, self._recognize_party(party, recognizer, spotter))
            self.segmenters.append(
                Segmenter(party, manager, vad, put, gap=gap, limit=limit, on_speech=manager.heard_speech)
            )
        self._restore: Node[MultichannelFrame] = Node(
            "restore", self._restore_frame, capacity=50, capability="restoration", after=[self.input]
        )
        self.nodes.append(self._restore)
        self._diarize = labels.node([self.input]) if labels is not None else None
        if self._diarize is not None:
            self.nodes.append(self._diarize)
        self._listening: Listening | None = None
        if listener is not None:
            fresh = manager.deciding.now
            self._listening = Listening(listener, dialogue, steps, manager.situation, fresh, [self.input])
            self.nodes.append(self._listening.node)
        self._sounds = sounds
        self._tagged = [each.node([self.input]) for each in sounds]
        self.nodes += self._tagged
        manager.segmenters = dict(zip(parties, self.segmenters, strict=True))

    def _ending_measured(self, channel: int, start: int, end: int, slopes: Slopes) -> None:
        self._manager.percepts.prosody(self.segmenters[channel].party, start, end, *slopes)

    def _recognize_party(
        self, party: str, recognizer: Recognizer[Any], spotter: Recognizer[Any] | None
    ) -> Callable[[AsrChunk], Any]:
        """Declares what hears the words of a party; what is returned takes the pieces of its utterances."""
        recognition = UtteranceRecognizer(
            party,
            self._manager,
            recognizer,
            self._steps,
            caught_up=self._manager.caught_up,
            waiting=lambda: node.queue.lag,
        )
        node: Node[AsrChunk] = Node(
            f"recognize {party}",
            recognition.consume,
            finish=recognition.finish,
            capability="recognition",
            after=[self.input],
        )
        self.nodes.append(node)
        self._recognition.append(node)
        self.recognizers.append(recognition)
        if spotter is None:
            return node.put
        commands = SpokenCommands(party, self._manager, spotter, self._steps, node.put, self.input)
        recognition.listener = commands
        self.nodes.append(commands.node)
        self._spotters.append(commands)
        return commands.put

    @property
    def busy(self) -> bool:
        """Whether input waits, or something that was said is still being heard or recognized."""
        return (
            not self.input.idle
            or any(not node.idle for node in self._recognition)
            or any(each.open for each in self.segmenters)
            or any(each.busy for each in self.recognizers)
            or any(each.recognition.busy or not each.node.idle for each in self._spotters)
        )

    def declare(self, pipeline: Pipeline) -> None:
        """Adds the nodes to the pipeline of the session."""
        for node in self.nodes:
            pipeline.add(node)

    def rename(self, index: int, party: str) -> bool:
        """Channel `index` is another party's from now on; False while something said on it is still at work."""
        segmenter, recognition = self.segmenters[index], self.recognizers[index]
        if segmenter.active or segmenter.open or recognition.busy or not self._recognition[index].idle:
            return False
        for commands in self._spotters[index : index + 1]:
            if commands.recognition.busy or not commands.node.idle:
                return False
            commands.recognition.party = party
        for sounds in self._sounds[index : index + 1]:
            sounds.party = party
        self._manager.segmenters.pop(segmenter.party, None)
        segmenter.party = recognition.party = party
        self._manager.segmenters[party] = segmenter
        if self.labels is not None:
            self._manager.speakers = {party: self.labels}
        return True

    async def restore(self, task: str, at: int) -> None:
        """Begin to restore what comes after the sample `at`. Raises SettingsError, ModelError."""
        restoration = await self._steps.run("load", LiveRestoration, task, self._parties, self._restore_engine)
        restoration.reset(at)
        self._restoration = restoration
        self.restoring = True

    def stop_restoring(self) -> None:
        self.restoring = False
        self._hear_held()

    def played(self, chunk: AudioChunk) -> None:
        """What goes to the loudspeaker, for echo control."""
        if self.echo_control is not None:
            self.echo_control.play(chunk)
            if chunk.samples.any():
                self._own_voice_until = chunk.end + ECHO_LASTS

    def _perceive(self, arrived: MultichannelFrame) -> None:
        frame, words = self._without_echo(arrived)
        self._audience.tell("on_input", frame)
        self._manager.now = frame.end
        ungained = frame.samples
        factors = self.gains.factors(ungained, own_voice=frame.start < self._own_voice_until)
        frame = replace(frame, samples=ungained * factors)
        if words is not None:  # the same gain, so that all who hear hear the same level
            words = replace(words, samples=words.samples * factors[:, 0])
        if self._diarize is not None and self.labels is not None and not self.labels.paused:
            one = np.ascontiguousarray((ungained if self.labels.any_level else frame.samples)[:, 0])
            self._diarize.put(AudioChunk(frame.start, one, frame.concealed))
        if self._listening is not None:
            self._listening.node.put(AudioChunk(frame.start, frame.samples.mean(axis=1), frame.concealed))
        for index, node in enumerate(self._tagged):
            node.put(AudioChunk(frame.start, np.ascontiguousarray(frame.samples[:, index]), frame.concealed))
        if self.restoring:
            self._restore.put(frame)
        if self.restoring and self._restore_hearing:
            self._unheard.append(frame)
            self._hear_overdue(frame.end)
        else:
            self._hear(frame, words)
        self._manager.tick(frame.end)

    def _finish(self) -> None:
        self._hear_held()
        for segmenter in self.segmenters:
            segmenter.finish()

    def _hear(self, frame: MultichannelFrame, words: AudioChunk | None = None) -> None:
        for index, segmenter in enumerate(self.segmenters):
            samples = np.ascontiguousarray(frame.samples[:, index])
            segmenter.perceive(AudioChunk(frame.start, samples, frame.concealed), words)

    def _without_echo(self, frame: MultichannelFrame) -> tuple[MultichannelFrame, AudioChunk | None]:
        """The frame, and the same for the recognizer where that differs."""
        if self.echo_control is None:
            return frame, None
        try:
            clean = self.echo_control.cancel(AudioChunk(frame.start, frame.samples[:, 0], frame.concealed))
        except Exception as error:
            self.echo_control = None
            self._manager.capability_lost("echo cancellation", reason_of(error))
            return frame, None
        quiet = clean.quiet
        return MultichannelFrame(quiet.start, quiet.samples[:, None], quiet.concealed), clean.words

    async def _restore_frame(self, frame: MultichannelFrame) -> None:
        restoration = self._restoration
        if restoration is None or not self.restoring:
            return
        try:
            restored = await self._steps.run("restore", restoration.step, frame, limit=RESTORE_LIMIT)
        except Exception as error:
            if restoration is self._restoration:
                self.stop_restoring()
                self._manager.capability_lost("restoration", reason_of(error))
            return
        for out in restored:
            self._audience.tell("on_restored", out)
            self._audience.publish("restored", out)
            if self._restore_hearing:
                self._hear_restored(out)

    def _hear_restored(self, out: MultichannelFrame) -> None:
        """Hear the restored frame in place of the raw one; a frame that came too late has been heard raw."""
        while self._unheard and self._unheard[0].start < out.start:
            self._hear(self._unheard.popleft())
        if self._unheard and self._unheard[0].start == out.start:
            self._unheard.popleft()
            self._hear(out)

    def _hear_overdue(self, now: int) -> None:
        latency = self._restoration.latency if self._restoration is not None else 0
        patience = latency + RESTORED_IN_TIME
        while self._unheard and now - self._unheard[0].end > patience:
            self._hear(self._unheard.popleft())

    def _hear_held(self) -> None:
        while self._unheard:
            self._hear(self._unheard.popleft())
