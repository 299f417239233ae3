"""The house keeps its rules, and the rules catch faults. `python -m tests.house` prints floors and arrows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import house
from tests.conftest import NEEDS, TESTS

RULES = house.broken()


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_its_rules(rule: str) -> None:
    assert not RULES[rule], "\n".join([rule, *RULES[rule]])


def test_floors_and_arrows_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    house.main()
    printed = capsys.readouterr().out
    for floor in house.FLOORS:
        assert f"{floor}/   imports" in printed
    assert "conversation" in printed and "-> " in printed
    print(printed)  # for pytest -s


def write(root: Path, files: dict[str, str]) -> dict[str, house.Module]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return house.modules(root)


def test_every_way_of_importing_upward_is_seen(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "streaming/pool.py": "def run():\n    from duplex.models.vad import webrtc\n",
            "models/vad/webrtc.py": "import duplex.settings\n",
            "models/vad/__init__.py": "from ... import settings\n",
            "duplex/settings.py": "from duplex.streaming import pool\n",
            "duplex/__init__.py": "",
            "demos/call.py": "import duplex\nfrom duplex.settings import Settings\n",
        },
    )
    assert sorted(house.upward(found)) == [
        "duplex.models.vad (models) imports duplex.settings (duplex)",
        "duplex.models.vad.webrtc (models) imports duplex.settings (duplex)",
        "duplex.streaming.pool (streaming) imports duplex.models.vad.webrtc (models)",
    ]
    assert len(house.demos_inside(found)) == 1


def test_what_only_a_type_checker_sees_is_no_import(tmp_path: Path) -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from duplex.settings import Settings\n"
    found = write(tmp_path, {"streaming/pool.py": source, "duplex/settings.py": ""})
    assert not found["duplex.streaming.pool"].imports


def test_a_model_is_reached_by_its_family_or_contract(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "models/vad/__init__.py": "",
            "models/vad/contract.py": "",
            "models/vad/energy.py": "",
            "duplex/good.py": "from duplex.models.vad.contract import Vad\nfrom duplex.models.vad import load\n",
            "duplex/bad.py": "from duplex.models.vad import energy\n",
        },
    )
    assert [line.split()[0] for line in house.behind_doors(found)] == ["duplex.bad"]


def test_rooms_that_import_one_another_are_a_cycle(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "duplex/a/one.py": "from duplex.b import two\n",
            "duplex/b/two.py": "from duplex.c import three\n",
            "duplex/c/three.py": "from duplex.a import one\n",
            "duplex/d/four.py": "from duplex.a import one\n",
        },
    )
    assert house.cycles(house.arrows(found)) == [["duplex.a", "duplex.b", "duplex.c"]]


def test_a_long_module_says_why(tmp_path: Path) -> None:
    body = "x = 1\n" * house.LONGEST
    found = write(
        tmp_path,
        {"duplex/a.py": f'"""A."""\n{body}', "duplex/b.py": f'"""B.\n\nLong because it is one table.\n"""\n{body}'},
    )
    assert house.too_long(found, tmp_path) == [f"duplex/a.py: {house.LONGEST + 1} lines"]


def test_a_crowded_folder_and_british_spelling_are_seen(tmp_path: Path) -> None:
    write(tmp_path, {f"duplex/many/m{number}.py": "" for number in range(house.MOST + 1)})
    word = "recogni" + "ser"
    write(
        tmp_path, {"streaming/a.py": f"class {word.title()}: ...\n", "streaming/b.py": "recognizer = synthesis = 1\n"}
    )
    assert house.crowded(tmp_path) == [f"duplex/many: {house.MOST + 1} modules"]
    assert [line.split(":")[0] for line in house.british(tmp_path)] == ["streaming/a.py"]


HEAVY = {"torch", "transformers", "ray", "playwright", "onnx"}


def test_every_test_that_imports_a_package_of_test_all_is_named_as_such() -> None:
    """Else `make test` fails to collect where that package is absent."""
    unnamed = []
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for package in {name.split(".")[0] for name in names} & HEAVY:
                inner = path.relative_to(TESTS)
                if not any(inner.match(pattern) for pattern in NEEDS.get(package, ())):
                    unnamed.append(f"{inner} imports {package}")
    assert not unnamed


def test_tests_are_laid_out_as_what_they_test() -> None:
    """Each folder of tests/duplex, tests/models and tests/streaming has its like in the tree, and something in it."""
    for floor in ("duplex", "models", "streaming"):
        for folder in sorted({path.parent for path in (TESTS / floor).rglob("*.py")}):
            inner = folder.relative_to(TESTS)
            assert (house.ROOT / inner).is_dir(), f"tests/{inner} tests nothing: there is no {inner}/"
            assert any(path.name != "__init__.py" for path in folder.rglob("*.py")), f"tests/{inner} is empty"
