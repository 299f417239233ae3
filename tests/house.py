"""The floors of the house and the arrows between its rooms, read from the source.

    python -m tests.house

Prints every floor, its rooms and what each imports, and the rules that are broken. `tests/test_house.py` fails on any.

Floors, from the top: demos, duplex, models, streaming. A room is a package below a floor (`duplex.conversation`), or a
module that stands alone there (`duplex.settings`).
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FLOORS = {"demos": "demos", "duplex": "duplex", "models": "duplex.models", "streaming": "duplex.streaming"}
"""Folders from the top down, and their import names."""

MAY_IMPORT = {
    "demos": {"duplex"},
    "duplex": {"models", "streaming"},
    "models": {"streaming"},
    "streaming": set[str](),
}

DOORS = {
    "asr.written_numbers": "numbers as people write them, over any recognizer's words; knows no model",
    "diarization.config": "the latencies that a setting may name; no model code",
    "diarization.feed": "blocks of any size for any diarizer; knows the contract only",
    "diarization.history": "who spoke when, out of any diarizer's turns",
    "diarization.kept_voices": "the folder of kept voices, which settings name and a command shows; knows no model",
    "diarization.turns": "turns out of any diarizer's frames",
    "interaction.decider": "loads a decider by name, and what is said unasked about a sound; no model code",
    "interaction.percepts": "the records of what is perceived; no model code",
    "interaction.memory.notes": "the file of notes, which a command shows and deletes; knows no model",
    "interaction.sentences": "splits streamed text; knows no model",
    "interaction.spoken_text": "what of written text is spoken: the same for every answerer and synthesizer",
    "restoration.band": "any sample rate around any restoration stage",
    "restoration.metrics": "measures between two signals; knows no model",
    "restoration.restorer": "a name of the public API",
    "sounds.events": "sounds that begin and end, out of any tagger's blocks; knows the contract only",
    "translation.pieces": "where sentences and clauses end; knows no model",
}
"""Modules of a family, besides the family itself and its contract, that the product may import; and why."""

LONGEST = 320
"""Lines of a module. A longer one says why in its docstring: "Long because ..."."""

MOST = 15
"""Modules in one folder, `__init__` apart."""

CROWDED = {
    "streaming": "the lowest floor: a module for each concept that everything else stands on",
    "duplex/commands": "a module for each command, and what they share",
    "duplex/page": "a module for each part of the page; the browser loads them by relative paths",
    "duplex/serving/realtime": "one API: a module for each wire, for what clients ask, and for what they are told",
    "models/interaction/responders": "a module for each way to run a model, and for each thing done to what it writes",
    "models/interaction/skills": "a module for each skill and each kind of words it understands",
    "models/restoration": "two networks and their solvers; what trains them is in train/",
    "tests/duplex/serving/realtime": "as duplex/serving/realtime",
    "tests/benchmarks": "a module for each benchmark",
    "tests/streaming": "as streaming",
    "tests/models/interaction/skills": "as models/interaction/skills",
    "tests/models/restoration": "as models/restoration",
}

BRITISH = re.compile(r"diari[s]|recogni[s]|synthesi[s](e|ing)|summari[s](?!t)", re.I)
OLD_NAMES = re.compile(r"(diari[s]e|recogni[s]er|synthesi[s]er|diari[s]er|diari[s]ation)\w*\b", re.I)
MAY_NAME_OLD = {
    "duplex/settings.py",
    "duplex/commands/options.py",
    "tests/duplex/test_settings.py",
    "tests/duplex/commands/test_cli.py",
    "CHANGELOG.md",
}
"""Where the old spelling of a setting is still named, since it is still accepted."""


@dataclass(frozen=True)
class Module:
    """name: as imported. path: below the root.

    imports: modules of the project that it imports at run time; eager: those it imports when it is itself imported,
    not when one of its functions is called.
    """

    name: str
    path: Path
    imports: frozenset[str]
    eager: frozenset[str]
    lines: int
    doc: str

    @property
    def floor(self) -> str:
        return floor_of(self.name)

    @property
    def room(self) -> str:
        return room_of(self.name)


def floor_of(name: str) -> str:
    """The floor's folder: the one with the longest import name that `name` begins with."""
    fitting = [floor for floor, prefix in FLOORS.items() if name == prefix or name.startswith(prefix + ".")]
    return max(fitting, key=lambda floor: len(FLOORS[floor]))


def room_of(name: str) -> str:
    prefix = FLOORS[floor_of(name)]
    inner = name.removeprefix(prefix).strip(".").split(".")
    return f"{prefix}.{inner[0]}".strip(".")


def modules(root: Path = ROOT) -> dict[str, Module]:
    """Every module of the four floors, by import name."""
    found: dict[str, tuple[Path, ast.Module]] = {}
    for folder, prefix in FLOORS.items():
        for path in sorted((root / folder).rglob("*.py")):
            inner = path.relative_to(root / folder)
            if any(parent.is_symlink() for parent in (root / folder / part for part in inner.parents)):
                continue  # a floor seen through its link
            parts = [part for part in inner.with_suffix("").parts if part != "__init__"]
            found[".".join([prefix, *parts])] = path.relative_to(root), ast.parse(path.read_text())
    return {
        name: Module(
            name,
            path,
            frozenset(_imports(name, path.name == "__init__.py", _running(tree), found.keys())),
            frozenset(_imports(name, path.name == "__init__.py", _running(tree, inside=False), found.keys())),
            len((root / path).read_text().splitlines()),
            ast.get_docstring(tree) or "",
        )
        for name, (path, tree) in found.items()
    }


def _imports(name: str, package: bool, nodes: Iterable[ast.AST], known: Container[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".")
            base = base[: len(base) - node.level + package] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                target = inner if inner in known else source
                if target in known and target != name:
                    yield target


def _running(node: ast.AST, inside: bool = True) -> Iterator[ast.AST]:
    """All nodes but what only a type checker sees, and but the insides of functions if not `inside`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from _running(other, inside)
            continue
        yield child
        if inside or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _running(child, inside)


def upward(found: dict[str, Module]) -> list[str]:
    """Imports from a floor to one it must not know."""
    return [
        f"{module.name} ({module.floor}) imports {target} ({floor_of(target)})"
        for module in found.values()
        for target in sorted(module.imports)
        if floor_of(target) != module.floor and floor_of(target) not in MAY_IMPORT[module.floor]
    ]


def behind_doors(found: dict[str, Module]) -> list[str]:
    """Imports by the product of a model's module that is neither its family, its contract nor a named door."""
    broken = []
    for module in found.values():
        for target in sorted(module.imports):
            if module.floor != "duplex" or floor_of(target) != "models":
                continue
            inner = target.removeprefix(FLOORS["models"] + ".")
            if "." in inner and not inner.endswith(".contract") and inner not in DOORS:
                broken.append(f"{module.name} imports {target}: reach a model by its family or its contract")
    return broken


def unused_doors(found: dict[str, Module]) -> list[str]:
    """Doors that nobody goes through any more."""
    used = {target for module in found.values() if module.floor == "duplex" for target in module.imports}
    return [door for door in DOORS if f"{FLOORS['models']}.{door}" not in used]


def demos_inside(found: dict[str, Module]) -> list[str]:
    """Imports by the demos of anything but `duplex` itself."""
    return [
        f"{module.name} imports {target}: a demo uses the public names of duplex"
        for module in found.values()
        if module.floor == "demos"
        for target in sorted(module.imports)
        if target != "duplex"
    ]


def arrows(found: dict[str, Module], *, eager: bool = False) -> dict[str, set[str]]:
    """What each room imports of other rooms; eager: when it is imported itself."""
    drawn: dict[str, set[str]] = {module.room: set() for module in found.values()}
    for module in found.values():
        targets = module.eager if eager else module.imports
        drawn[module.room] |= {room_of(target) for target in targets} - {module.room}
    return drawn


def cycles(drawn: dict[str, set[str]]) -> list[list[str]]:
    """Rooms that import one another, by Tarjan's strongly connected components."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    together: list[list[str]] = []

    def visit(room: str) -> None:
        index[room] = low[room] = len(index)
        stack.append(room)
        for target in sorted(drawn.get(room, ())):
            if target not in index:
                visit(target)
                low[room] = min(low[room], low[target])
            elif target in stack:
                low[room] = min(low[room], index[target])
        if low[room] == index[room]:
            at = stack.index(room)
            if len(stack) - at > 1:
                together.append(sorted(stack[at:]))
            del stack[at:]

    for room in sorted(drawn):
        if room not in index:
            visit(room)
    return together


def too_long(found: dict[str, Module], root: Path = ROOT) -> list[str]:
    """Modules of more than `LONGEST` lines that do not say why; the page's too."""
    told = [f"{m.path}: {m.lines} lines" for m in found.values() if m.lines > LONGEST and not _says_why(m.doc)]
    for path in sorted((root / "duplex" / "page").glob("*.js")):
        text = path.read_text()
        if len(text.splitlines()) > LONGEST and not _says_why(text[:1000]):
            told.append(f"{path.relative_to(root)}: {len(text.splitlines())} lines")
    return told


def _says_why(doc: str) -> bool:
    return re.search(r"\blong because\b", doc, re.I) is not None


def crowded(root: Path = ROOT) -> list[str]:
    """Folders of more than `MOST` modules, but the named ones."""
    counts: defaultdict[str, int] = defaultdict(int)
    for top in (*FLOORS, "tests"):
        for path in (root / top).rglob("*"):
            folder = path.parent.relative_to(root).as_posix()
            if path.suffix in (".py", ".js") and path.name != "__init__.py" and "__pycache__" not in folder:
                counts[folder] += 1
    return [f"{folder}: {count} modules" for folder, count in counts.items() if count > MOST and folder not in CROWDED]


def british(root: Path = ROOT) -> list[str]:
    """Lines with the British spelling of the words that are names here."""
    told = []
    suffixes = {".py", ".md", ".js", ".html", ".css", ".toml"}
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        if path.suffix not in suffixes or not path.is_file() or inner.parts[0].startswith((".", "build", "dist")):
            continue
        if inner.parts[:2] in (("duplex", "models"), ("duplex", "streaming")):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = OLD_NAMES.sub("", line) if inner.as_posix() in MAY_NAME_OLD else line
            if BRITISH.search(line):
                told.append(f"{inner}:{number}: {line.strip()[:80]}")
    return told


def broken() -> dict[str, list[str]]:
    """Every rule and what breaks it."""
    found = modules()
    return {
        "imports run down": upward(found),
        "the product reaches models by family, contract or a named door": behind_doors(found),
        "demos use public names": demos_inside(found),
        "no cycle between rooms": [" <-> ".join(cycle) for cycle in cycles(arrows(found, eager=True))],
        f"a module of more than {LONGEST} lines says why": too_long(found),
        f"a folder of more than {MOST} modules is divided": crowded(),
        "American spelling of diarize, recognize, synthesize, summarize": british(),
    }


def plan() -> str:
    """Floors, rooms and arrows, for reading."""
    found = modules()
    drawn = arrows(found)
    lines = []
    for floor, prefix in FLOORS.items():
        lines.append(f"{floor}/   imports {', '.join(sorted(MAY_IMPORT[floor])) or 'nothing of the house'}")
        inside = [module for module in found.values() if module.floor == floor]
        for room in sorted({module.room for module in inside}):
            there = [module for module in inside if module.room == room]
            goes = sorted(target.removeprefix("duplex.") for target in drawn[room])
            name = room.removeprefix(prefix).strip(".") or "(itself)"
            size = sum(module.lines for module in there)
            lines.append(f"  {name:20} {len(there):3} modules {size:6} lines  -> {', '.join(goes) or '-'}")
    longest = sorted(found.values(), key=lambda module: -module.lines)[:5]
    lines.append("longest modules: " + ", ".join(f"{module.path} {module.lines}" for module in longest))
    lines += [f"door: {door} ({why})" for door, why in DOORS.items()]
    lines += [f"door that nobody uses: {door}" for door in unused_doors(found)]
    lines += [f"crowded: {folder} ({why})" for folder, why in CROWDED.items()]
    return "\n".join(lines)


def main() -> int:
    print(plan())
    failures = broken()
    for rule, cases in failures.items():
        print(f"{'BROKEN' if cases else 'kept'}: {rule}")
        for case in cases:
            print(f"    {case}")
    return int(any(failures.values()))


if __name__ == "__main__":
    sys.exit(main())
