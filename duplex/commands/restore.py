"""`duplex restore IN… -o OUT`: noisy, echoing, dull or badly coded speech, restored file by file."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import Any

from duplex.models.restoration.contract import ENGINE_HELP, ENGINES, TASK_HELP, TASKS

DESCRIPTION = """\
Restores recordings and folders of them. A result has its source's sample rate, channels, length, container and
sample type; lossy codecs keep their bit rate. What cannot be written that way (WMA, raw AAC, a film's sound …) becomes
FLAC or AAC in MP4 under a longer name, and the report says so. Models work up to 8 kHz (deepfilternet 24 kHz); what
lies above stays as it was, in phase. Every channel is restored by itself.

OUT mirrors the input folder. A second run skips what is done (.duplex-restore.jsonl in OUT remembers it), so that an
interrupted one is resumed. The status is 1 if any file failed; the others are done nevertheless."""


def add_parser(subparsers: Any, common: argparse.ArgumentParser | None = None) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "restore",
        parents=[common] if common else [],
        help="restore recordings, or whole folders of them",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_listed("tasks", TASK_HELP) + "\n\n" + _listed("engines", ENGINE_HELP),
    )
    parser.add_argument("inputs", metavar="IN", nargs="+", help="recordings and folders")
    parser.add_argument("-o", "--out", metavar="OUT", required=True, help="folder for the results, or a single file")
    parser.add_argument("--task", choices=TASKS, default="auto", help="what is to be restored (%(default)s)")
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="what restores it (%(default)s)")
    parser.add_argument("--steps", type=int, metavar="N", help="steps of the solver (default: what scores best)")
    parser.add_argument("--mix", type=float, default=1.0, metavar="0…1", help="1: all restored (default), 0: the input")
    parser.add_argument("--sample-rate", type=int, metavar="HZ", help="of the results (default: each source's own)")
    parser.add_argument("--device", default="cpu", help="where the model runs (%(default)s)")
    parser.add_argument("--weights", metavar="PATH", help="other weights of the same model")
    parser.add_argument("--seed", type=int, default=0, help="of the noise that the model starts from (%(default)s)")
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes of one thread each (one a CPU)")
    parser.add_argument(
        "--cluster",
        nargs="?",
        const=True,
        metavar="ADDRESS",
        help="spread over a Ray cluster (without ADDRESS: RAY_ADDRESS, or a new one here). Recordings above 64 MiB and "
        "OUT must be reachable by every node under the same path",
    )
    parser.add_argument("--overwrite", action="store_true", help="restore everything again, replace what is in the way")
    parser.add_argument(
        "--reference",
        metavar="DIR",
        help="clean recordings of the same names: PESQ, ESTOI, SI-SDR, LSD before and after",
    )
    parser.add_argument("--spectrogram", action="store_true", help="draw before and after, as PNG beside each result")
    parser.add_argument(
        "--loudness",
        choices=("keep", "free"),
        default="keep",
        help="keep the source's (default), or not",
    )
    parser.add_argument("--report", metavar="FILE", help="the report as JSON (default: OUT/restore-report.json)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser


def _listed(title: str, help_by_name: dict[str, str]) -> str:
    return f"{title}:\n" + "\n".join(f"  {name:<13} {text}" for name, text in help_by_name.items())


def run(args: argparse.Namespace) -> int:
    from duplex.batch.restore.run import restore
    from duplex.commands.progress import Bars

    # A scheduler's way to interrupt: what is done is kept, what is not leaves nothing behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Bars(quiet=args.quiet) as bars:
        report = restore(
            args.inputs,
            args.out,
            task=args.task,
            engine=args.engine,
            steps=args.steps,
            mix=args.mix,
            device=args.device,
            weights=args.weights,
            seed=args.seed,
            sample_rate=args.sample_rate,
            jobs=args.jobs,
            cluster=args.cluster,
            overwrite=args.overwrite,
            reference=args.reference,
            spectrogram=args.spectrogram,
            loudness=args.loudness,
            report=args.report,
            watcher=bars,
        )
        bars.summary(report)
    return 1 if report.failed else 0


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m duplex.commands.restore restore …`"""
    from duplex.streaming.errors import DuplexError

    parser = argparse.ArgumentParser(prog="duplex")
    add_parser(parser.add_subparsers(required=True, metavar="COMMAND"))
    try:
        return run(parser.parse_args(argv))
    except DuplexError as error:
        print(f"duplex: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("duplex: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
