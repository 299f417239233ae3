"""The cost of diarization is measured on what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from duplex.models.diarization.config import PUBLISHED
from duplex.models.diarization.network import DiarizationNet
from duplex.models.diarization.train.export import export
from tests.benchmarks.diarization import Cost, Stream, cost_row, hours_row, parameters


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DiarizationNet]:
    small = replace(PUBLISHED, width=32, encoder_layers=1, encoder_inner=32, decoder_layers=1, decoder_inner=32)
    folder = tmp_path_factory.mktemp("network")
    net = DiarizationNet(small)
    export(net, folder)
    return folder, net


def test_every_frame_is_timed_and_its_state_weighed(exported: tuple[Path, DiarizationNet]) -> None:
    stream = Stream(exported[0], 9)
    cost = stream.run(30)
    assert len(cost.milliseconds) == len(cost.state) == 30 and min(cost.milliseconds) > 0
    heads = 4 * 8 * 8 * 4  # bytes of one row's retention
    assert cost.state[-1] > (1 + 10) * heads
    row = cost_row("small", exported[0], 9, 20)
    assert row[0] == "small" and float(str(row[3])) >= float(str(row[2])) > 0


def test_the_real_time_factor_is_of_processor_time() -> None:
    assert Cost([5.0, 15.0], [1, 1]).real_time_factor == pytest.approx(0.1)


def test_parameters_are_those_of_the_network(exported: tuple[Path, DiarizationNet]) -> None:
    folder, net = exported
    assert parameters(folder) == pytest.approx(sum(p.numel() for p in net.parameters()) / 1e6, rel=0.05)


def test_a_stream_that_stays_flat_says_so(exported: tuple[Path, DiarizationNet]) -> None:
    rows, flat = hours_row(exported[0], 0.03)
    assert len(rows) == 10 and flat
