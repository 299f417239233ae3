"""A process that restores files, the model loaded once: `python -m duplex.batch.restore.worker` (see processes.py).

It takes items as lines of JSON on its standard input, answers with lines of JSON on its standard output, and ends with
its input.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict

from duplex.batch.restore.factories import named
from duplex.batch.restore.plan import Item
from duplex.batch.restore.restore_file import restore_file
from duplex.models.restoration.contract import RestoreOptions
from duplex.streaming.errors import DuplexError


def main() -> None:
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(kind: str, value: object) -> None:
        print(json.dumps({kind: value}), file=answers, flush=True)

    first = json.loads(sys.stdin.readline() or "null")
    if first is None:
        return
    options = RestoreOptions(**first["options"])
    try:
        stage = named(first["factory"])(options)
    except DuplexError as error:
        answer("error", {"kind": type(error).__name__, "text": str(error)})
        return
    except Exception as error:
        answer("error", {"kind": "ModelError", "text": f"restoration: {type(error).__name__}: {error}"})
        return
    answer("ready", True)
    for line in sys.stdin:
        restoring = restore_file(Item(**json.loads(line)["item"]), stage, options)
        try:
            while True:
                try:
                    answer("progress", asdict(next(restoring)))
                except StopIteration as end:
                    answer("result", end.value.as_dict())
                    break
        except BrokenPipeError:  # the caller is gone
            restoring.close()
            os._exit(1)


if __name__ == "__main__":
    main()
