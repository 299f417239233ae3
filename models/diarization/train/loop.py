"""Trains the diarization network: `python -m duplex.models.diarization.train --out runs/diarization --minutes 110`.

Fill a cache of conversations first, or beside it (example_cache.py). The schedule runs by wall clock: more speakers,
then longer stretches, as in the progressive training of LS-EEND; one of the latencies is drawn for each batch.
Interrupt it whenever you like; the same command goes on from its last checkpoint. Averaged weights (EMA) are
validated on simulated conversations of held-out voices and on real meetings; the best by diarization error are kept.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from duplex.models.corpora.manifest import SPEECH, data_folder, rows
from duplex.models.corpora.optimizers import adamw, average_into, scale
from duplex.models.corpora.training_run import add_line, write_state
from duplex.models.diarization.config import NETWORKS, DiarizationConfig
from duplex.models.diarization.network import DiarizationNet, Diarized
from duplex.models.diarization.profiles import alone
from duplex.models.diarization.train.example_cache import Pool
from duplex.models.diarization.train.losses import best_order, network_loss
from duplex.models.diarization.train.speaker_corpus import Voices
from duplex.models.diarization.train.validation import Validation
from duplex.models.diarization.weights_file import save_weights

RATE = 1.5e-3
OWN_SHARE = 0.4
"""Of batches in which profiles are of the frames that the network itself chooses."""
FEW = 4
"""Speakers of a batch with few slots."""
WARM_UP = 60
LOOK_AHEAD_SHARES = {0: 0.25, 4: 0.35, 9: 0.4}


@dataclass(frozen=True)
class Lesson:
    """Until this share of the time: speakers and their shares in the pool, slots, frames and batch size."""

    until: float
    shares: dict[int, float]
    slots: int
    frames: int
    batch: int


CURRICULUM = (
    Lesson(0.10, {1: 0.3, 2: 0.7}, 5, 200, 24),
    Lesson(0.35, {1: 0.1, 2: 0.4, 3: 0.3, 4: 0.2}, 6, 300, 16),
    Lesson(0.70, {1: 0.08, 2: 0.22, 3: 0.2, 4: 0.25, 5: 0.1, 6: 0.07, 7: 0.04, 8: 0.04}, 10, 400, 10),
    Lesson(1.01, {1: 0.08, 2: 0.2, 3: 0.17, 4: 0.23, 5: 0.1, 6: 0.09, 7: 0.06, 8: 0.07}, 10, 950, 5),
)


def lesson(progress: float) -> Lesson:
    """What is learned at this share of the time."""
    return next(entry for entry in CURRICULUM if progress < entry.until or entry is CURRICULUM[-1])


def some_speakers(rng: np.random.Generator, now: Lesson) -> tuple[dict[int, float], int]:
    """Shares and slots of one batch: at most FEW speakers, whose few slots cost a fraction, or only more, each as often
    as the lesson has them."""
    few = {count: share for count, share in now.shares.items() if count <= FEW}
    if rng.random() * sum(now.shares.values()) < sum(few.values()):
        return few, min(now.slots, FEW + 2)
    return {count: share for count, share in now.shares.items() if count > FEW}, now.slots


def optimisers(net: DiarizationNet, rate: float) -> list[torch.optim.Optimizer]:
    """Muon (orthogonalised momentum) for the matrices of blocks and decoder, AdamW for everything else."""
    matrices = [
        p
        for name, p in net.named_parameters()
        if p.ndim == 2 and name.startswith(("blocks", "decoder", "slot", "profile"))
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in net.parameters() if p.requires_grad and id(p) not in chosen]
    muon = torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    return [adamw(others, rate), muon]


def train_step(
    net: DiarizationNet,
    batch: tuple[np.ndarray, ...],
    look_ahead: int,
    rng: np.random.Generator,
    arguments: argparse.Namespace,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Loss of one batch, computed in bf16 where that is safe and asked for.

    Profiles are of the right frames, of wrong ones too, or of those that the network itself would have chosen: in use
    it has to live with its own mistakes.
    """
    device = arguments.device
    inputs, labels, identities = (torch.from_numpy(part).to(device) for part in batch)
    slots = labels.shape[2]
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=arguments.bf16):
        embeddings, hidden = net.embed(inputs, look_ahead)
        spoken = None
        if net.profile is not None:
            spoken = torch.from_numpy(mistaken(rng, batch[1])).to(device)
            if rng.random() < OWN_SHARE:
                with torch.no_grad():
                    for _ in range(2):
                        spoken = alone(net.decode(embeddings.detach(), slots, spoken))
        logits = net.decode(embeddings, slots, spoken)
    if arguments.any_order:
        labels = best_order(logits, labels)
    return network_loss(Diarized(logits, embeddings, hidden), labels, identities, net.identify, arguments.identity)


def mistaken(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Labels (batch, frames, slots) as weights of profiles: only one speaker at a time, and with mistakes.

    Speakers are noticed late, and until then sometimes taken for another: or the network would never learn to open a
    slot for somebody whose profile is empty. Some frames are left out, some stretches given to somebody else.
    """
    speakers = labels[:, :, 1:-1]
    weights = labels.copy()
    weights[:, :, 0] = 0
    weights *= (speakers.sum(2) == 1)[:, :, None]
    for row in weights:
        for column in range(1, row.shape[1] - 1):
            if rng.random() < 0.7:
                late = np.flatnonzero(row[:, column])[: round(rng.exponential(20))]
                row[late, column] = 0
                if column > 1 and rng.random() < 0.15:
                    row[late, int(rng.integers(1, column))] = 1
        if rng.random() < 0.4:
            continue
        row *= rng.random((len(row), 1)) > rng.uniform(0, 0.6)
        for _ in range(rng.poisson(len(row) / 150)):
            first = int(rng.integers(len(row)))
            piece = row[first : first + int(rng.integers(3, 25)), 1:-1]
            piece[:] = np.roll(piece, int(rng.integers(piece.shape[1])), axis=1)
    return weights


def begin_with(net: DiarizationNet, path: Path) -> None:
    """Averaged weights from a `last.pt`, as far as there are any of that name and shape."""
    found = torch.load(path, map_location="cpu", weights_only=True)["average"]
    own = net.state_dict()
    own.update({name: tensor for name, tensor in found.items() if name in own and own[name].shape == tensor.shape})
    net.load_state_dict(own)


def train(arguments: argparse.Namespace) -> None:
    """Runs until the minutes, or `--max-steps`, are used up."""
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    data = data_folder(arguments.data)
    speakers = len({(row["dataset"], row["speaker"]) for row in rows(data, SPEECH, "train")})
    base: DiarizationConfig = NETWORKS[arguments.network]
    config = replace(base, identities=speakers * len(Voices.FACTORS))
    net = DiarizationNet(config).to(arguments.device)
    average = DiarizationNet(config).to(arguments.device)
    average.load_state_dict(net.state_dict())
    steppers = optimisers(net, arguments.rate)
    step, used, best = 0, 0.0, float("inf")
    if arguments.begin:
        begin_with(net, Path(arguments.begin))
        average.load_state_dict(net.state_dict())
    last = out / "last.pt"
    if last.exists():
        saved = torch.load(last, map_location=arguments.device, weights_only=True)
        net.load_state_dict(saved["net"])
        average.load_state_dict(saved["average"])
        for stepper, kept in zip(steppers, saved["optimisers"], strict=True):
            stepper.load_state_dict(kept)
        step, used, best = saved["step"], saved["used"], saved["best"]
    pool = Pool(Path(arguments.pool), config)
    validation = Validation(data, config, out.parent / f"valid-{config.mels}.npz")
    rng = np.random.default_rng([arguments.seed, step])
    total, begun = arguments.minutes * 60, time.monotonic() - used
    checked, sums, count = time.monotonic(), {}, 0
    choices = [n for n in LOOK_AHEAD_SHARES if n in config.look_ahead]
    chances = np.array([LOOK_AHEAD_SHARES[n] for n in choices])
    while True:
        elapsed = time.monotonic() - begun
        progress = elapsed / total
        now = lesson(arguments.skip + (1 - arguments.skip) * progress)
        finished = progress >= 1 or step >= arguments.max_steps
        if finished or time.monotonic() - checked >= arguments.every * 60:
            figures = validation.score(average.eval(), arguments.device)
            value = figures["der"]
            if value < best:
                best = value
                save_weights(out / "best.safetensors", average)
            state = {"net": net.state_dict(), "average": average.state_dict(), "step": step, "used": elapsed}
            write_state(last, {**state, "best": best, "optimisers": [s.state_dict() for s in steppers]})
            means = {name: round(total_ / max(count, 1), 4) for name, total_ in sums.items()}
            note = {
                "step": step,
                "minutes": round(elapsed / 60, 1),
                "frames": now.frames,
            }
            add_line(out / "log.jsonl", note | means | figures)
            sums, count, checked = {}, 0, time.monotonic()
        if finished:
            break
        shares, slots = some_speakers(rng, now)
        batch = pool.batch(rng, now.batch, now.frames, shares, slots)
        ahead = int(rng.choice(choices, p=chances / chances.sum()))
        loss, parts = train_step(net.train(), batch, ahead, rng, arguments)
        factor = scale(step, progress, WARM_UP)
        for stepper in steppers:
            for group in stepper.param_groups:
                group["lr"] = arguments.rate * factor
            stepper.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        if torch.isfinite(norm):
            for stepper in steppers:
                stepper.step()
        average_into(average, net, min(0.998, (step + 1) / (step + 10)))
        step += 1
        count += 1
        for name, part in {"loss": float(loss.detach()), **parts}.items():
            sums[name] = sums.get(name, 0.0) + part


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the streaming diarization network.")
    parser.add_argument("--out", required=True, help="folder of last.pt, best.safetensors and log.jsonl")
    parser.add_argument("--pool", required=True, help="folder that duplex.models.diarization.train.example_cache fills")
    parser.add_argument("--data", help="data folder; default $DUPLEX_DATA")
    parser.add_argument("--network", choices=tuple(NETWORKS), default="lite")
    parser.add_argument("--begin", help="last.pt of another training to begin with")
    parser.add_argument("--skip", type=float, default=0.0, help="share of the curriculum that is left out")
    parser.add_argument("--minutes", type=float, default=110)
    parser.add_argument("--max-steps", type=int, default=10**9)
    parser.add_argument("--every", type=float, default=6, help="minutes between validations")
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--identity", type=float, default=0.1, help="weight of telling all voices apart")
    parser.add_argument(
        "--any-order", action="store_true", help="whichever slots speakers take: for fine-tuning on real recordings"
    )
    parser.add_argument("--no-bf16", dest="bf16", action="store_false", help="for processors that are slow in bf16")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train(arguments)


if __name__ == "__main__":
    main()
