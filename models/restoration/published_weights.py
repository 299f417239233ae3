"""Checkpoints of the published system: networks, configuration and a fitted solver in one safetensors file."""

from __future__ import annotations

import json
from pathlib import Path

from duplex.models.restoration.published import PublishedConfig, build_networks
from duplex.models.restoration.solvers import Tableau
from duplex.models.restoration.unet import CausalNCSNpp
from duplex.streaming.errors import ModelError


def save_published(
    path: str | Path,
    predictor: CausalNCSNpp | None,
    flow: CausalNCSNpp,
    config: PublishedConfig,
    solver: Tableau | None = None,
) -> None:
    """Writes all of it in fp32."""
    from safetensors.torch import save_file

    parts = {"predictor": predictor.state_dict() if predictor is not None else {}, "flow": flow.state_dict()}
    if solver is not None:
        parts["solver"] = {"a": solver.a.detach(), "b": solver.b.detach(), "c": solver.c.detach()}
    tensors = {f"{part}.{name}": value.contiguous() for part, held in parts.items() for name, value in held.items()}
    save_file(tensors, str(path), {"config": json.dumps(config.to_dict())})


def load_published(path: str | Path) -> tuple[CausalNCSNpp | None, CausalNCSNpp, PublishedConfig, Tableau | None]:
    """(predictor or None, flow network, configuration, fitted solver or None), in evaluation mode on the CPU.

    Raises ModelError if the file is missing or holds something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            config = PublishedConfig.from_dict(json.loads(file.metadata()["config"]))
            parts: dict[str, dict] = {"predictor": {}, "flow": {}, "solver": {}}
            for key in file.keys():  # noqa: SIM118
                part, name = key.split(".", 1)
                parts[part][name] = file.get_tensor(key)
        predictor, flow = build_networks(config)
        flow.load_state_dict(parts["flow"])
        if predictor is not None:
            predictor.load_state_dict(parts["predictor"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{path} holds no weights of the published restoration network: {reason}") from error
    solver = Tableau(**parts["solver"]) if parts["solver"] else None
    return predictor and predictor.eval(), flow.eval(), config, solver
