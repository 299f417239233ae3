"""Buffered streaming of Stream.FM: every network call of the solver goes frame by frame with a state of its own.

A call may look back over 110 frames of what the calls before it made; as each keeps the past of its own feature maps,
a frame costs the same however long the stream is, and N calls see up to 110 N frames back. The noise Z is drawn
once a frame, for X_0 alone, from a counter-based generator: the same seed gives the same output, and a state that is
rolled back draws the same noise again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.flow import as_channels, as_complex
from duplex.models.restoration.published import PublishedConfig, observed, uncompressed
from duplex.models.restoration.published_weights import load_published
from duplex.models.restoration.solvers import Tableau, euler, integrate
from duplex.models.restoration.spectrum import FLOOR, GAIN_FRAMES, istft, stft
from duplex.models.restoration.stage import LOUDEST, frame_noise
from duplex.models.restoration.unet import CausalNCSNpp
from duplex.models.restoration.unet_layers import UNetState
from duplex.streaming.errors import InputError


@dataclass(frozen=True, slots=True)
class BufferedState:
    """samples: the last block (B, hop); frames: seen so far; level: their running mean power (B,); restored: spectrum
    (B, 1, bins) of the last frame, which the next one overlaps; predictor: its past, empty without one; calls: the
    past of each of the solver's calls."""

    samples: Tensor
    frames: int
    level: Tensor
    restored: Tensor
    predictor: UNetState
    calls: tuple[UNetState, ...]


class BufferedRestorer:
    """The published system as a stage (streaming.stage) from hop samples to hop samples.

    predictor, flow: in evaluation mode, on one device, not modified; solver: its number of stages is that of the
    flow's network calls a frame (the predictor's call comes on top); seed: of the noise.

    All streams of a batch hear the same noise, so that each comes out as it would alone. For real time on a GPU,
    compile both networks first: `flow.step = torch.compile(flow.step, fullgraph=True)`.
    """

    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        predictor: CausalNCSNpp | None,
        flow: CausalNCSNpp,
        config: PublishedConfig,
        solver: Tableau | None = None,
        seed: int = 0,
    ) -> None:
        self.predictor, self.flow, self.config, self.seed = predictor, flow, config, seed
        self.hop = config.hop
        self.latency = config.window - config.hop
        self.device = next(flow.parameters()).device
        at = torch.zeros((), device=self.device)
        self.solver = (solver or euler(1)).to(at)
        # Only a tableau that is being fitted needs gradients through the time embedding.
        with torch.set_grad_enabled(self.solver.c.requires_grad):
            self._biases = tuple(flow.condition(t[None]) for t in self.solver.c)
            self._predictor_biases = predictor.condition() if predictor is not None else ()
        self._sigma = config.sigma_like(at)

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, steps: int | None = None, device: str = "cpu", seed: int = 0
    ) -> BufferedRestorer:
        """A trained system, with `steps` of Euler's or else its own fitted solver, or one step where it has none.

        Raises ModelError if the file holds none, SettingsError if there are no steps.
        """
        predictor, flow, config, fitted = load_published(path)
        solver = euler(steps) if steps is not None else fitted
        return cls(predictor.to(device) if predictor is not None else None, flow.to(device), config, solver, seed)

    def initial_state(self, batch: int = 1) -> BufferedState:
        zeros = torch.zeros(batch, 1, self.config.bins, device=self.device)
        return BufferedState(
            samples=zeros.new_zeros(batch, self.hop),
            frames=0,
            level=zeros.new_zeros(batch),
            restored=zeros.to(torch.complex64),
            predictor=self.predictor.initial_state(batch) if self.predictor is not None else (),
            calls=tuple(self.flow.initial_state(batch) for _ in range(self.solver.stages)),
        )

    def process(self, samples: Tensor, state: BufferedState) -> tuple[Tensor, BufferedState]:
        """(B, n hops), n >= 1, to (B, n hops), `latency` samples late. One hop at a time or a thousand: the same.

        Differentiable, in the solver too; `state` stays as it was. Not-a-number becomes silence. Raises InputError on
        other lengths.
        """
        length = samples.shape[1]
        if length == 0 or length % self.hop:
            raise InputError(f"restoration block of {length} samples: give a multiple of {self.hop}")
        samples = torch.nan_to_num(samples, 0.0, LOUDEST, -LOUDEST).clamp(-LOUDEST, LOUDEST)
        spectrum = stft(torch.cat((state.samples, samples), dim=1), self.config.window)[:, 1:-1]
        level, levels = self._running_level(spectrum, state)
        gain = self.config.reference * levels.rsqrt()[..., None]
        source = observed(spectrum * gain, self.config)
        restored, predictor, calls = self._restore(source, state)

        restored = torch.cat((state.restored, uncompressed(restored, gain, self.config)), dim=1)
        new = BufferedState(
            samples=samples[:, -self.hop :].clone(),
            frames=state.frames + source.shape[1],
            level=level,
            restored=restored[:, -1:].clone(),
            predictor=predictor,
            calls=calls,
        )
        return istft(restored), new

    def _running_level(self, spectrum: Tensor, state: BufferedState) -> tuple[Tensor, Tensor]:
        """spectrum.running_gain's level, carried on: the last one (B,), and one for each frame (B, n)."""
        power = spectrum.abs().square().mean(-1).clamp_min(FLOOR**2)
        level, levels = state.level, []
        for index in range(power.shape[1]):
            level = torch.lerp(level, power[:, index], 1 / min(state.frames + index + 1, GAIN_FRAMES))
            levels.append(level)
        return level, torch.stack(levels, dim=1)

    def _restore(self, source: Tensor, state: BufferedState) -> tuple[Tensor, UNetState, tuple[UNetState, ...]]:
        """The next n frames of Y (B, n, F): restored, and the states of the predictor and of every call."""
        mean, conditions, predictor = source, (source,), ()
        if self.predictor is not None:
            estimate, predictor = self.predictor.step(as_channels(source), state.predictor, self._predictor_biases)
            mean = as_complex(estimate)
            conditions = (mean, source)
        calls: list[UNetState] = []

        def velocity(stage: int, x: Tensor, _: Tensor) -> Tensor:
            slope, past = self.flow.step(as_channels(x, *conditions), state.calls[stage], self._biases[stage])
            calls.append(past)
            return as_complex(slope)

        numbers = range(state.frames, state.frames + source.shape[1])
        drawn = np.stack([frame_noise(self.seed, frame, self.config.bins) for frame in numbers])
        noise = torch.view_as_complex(torch.from_numpy(drawn)).to(self.device)
        restored = integrate(velocity, mean + self._sigma * noise, self.solver)
        return restored, predictor, tuple(calls)

    @torch.no_grad()
    def forward(self, audio: np.ndarray, frames: int = 64) -> np.ndarray:
        """A whole signal (samples,) float32 to its restoration of the same length, `frames` hops at a time."""
        state = self.initial_state()
        padded = torch.from_numpy(np.pad(audio.astype(np.float32), (0, self.latency + -len(audio) % self.hop)))
        outs = []
        for block in padded.split(frames * self.hop):
            out, state = self.process(block[None].to(self.device), state)
            outs.append(out[0].cpu())
        return torch.cat(outs).numpy()[self.latency : self.latency + len(audio)]

    @torch.no_grad()
    def step(self, chunk: np.ndarray, state: BufferedState) -> tuple[np.ndarray, BufferedState]:
        """One block, (hop,) or (batch, hop) float32, to its restoration of the same shape, `latency` samples late."""
        samples = torch.from_numpy(np.atleast_2d(np.asarray(chunk, np.float32))).to(self.device)
        if samples.shape != state.samples.shape:
            raise InputError(f"restoration block of shape {chunk.shape}: this state takes {tuple(state.samples.shape)}")
        out, state = self.process(samples, state)
        return out.cpu().numpy().reshape(chunk.shape), state

    def flush(self, state: BufferedState) -> np.ndarray:
        """What the latency still holds back: (hop,) for one stream, (batch, hop) for several."""
        batch = len(state.samples)
        silence = np.zeros((batch, self.hop) if batch > 1 else self.hop, np.float32)
        return self.step(silence, state)[0]
