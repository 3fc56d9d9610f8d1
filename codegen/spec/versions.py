"""Reads files and versions of the repository at a revision, and computes the version that is due after a change."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from .changes import Level

TAGS = "v[0-9]*"


class UsageError(Exception):
    """A revision or an operation on the command line does not exist; the message names it."""


class Version(NamedTuple):
    """Major, minor and patch number of a version. 0.2.0rc1 has the numbers of 0.2.0."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return ".".join(map(str, self))


def parse(text: str) -> Version:
    """Return the numbers of a version such as 0.2.0 or 0.2.0rc1.

    Raises:
        ValueError: the text does not begin with a number.
    """
    numbers = [int("".join(char for char in part if char.isdigit())) for part in _release(text).split(".")]
    return Version(*[*numbers, 0, 0, 0][:3])


def _release(text: str) -> str:
    """Return the part of a version before a, b, rc, .dev, .post or +."""
    kept = text.removeprefix("v")
    for index, char in enumerate(kept):
        if not (char.isdigit() or char == "."):
            return kept[:index].rstrip(".")
    return kept


def due(base: Version, levels: set[Level]) -> Version:
    """Return the next version by SemVer. Before 1.0, a breaking change raises the minor number, others the patch."""
    if Level.BREAKING in levels:
        return Version(base.major + 1, 0, 0) if base.major else Version(0, base.minor + 1, 0)
    if Level.COMPATIBLE in levels and base.major:
        return Version(base.major, base.minor + 1, 0)
    return Version(base.major, base.minor, base.patch + 1) if levels else base


class Repository:
    """A git working tree.

    Each method that reads a revision raises UsageError if git fails.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def last_release(self) -> str | None:
        """Return the last release tag before the current commit; None without one, or outside of git."""
        try:
            return self._git("describe", "--tags", "--abbrev=0", "--match", TAGS).decode().strip()
        except UsageError:
            return None

    def read(self, revision: str, name: str) -> bytes:
        """Return a file at a revision."""
        return self._git("show", f"{revision}:{name}")

    def extract(self, revision: str, names: list[str], folder: Path) -> None:
        """Write those of the folders that exist in a revision to `folder`."""
        known = self._git("ls-tree", "--name-only", revision, "--", *names).decode().split()
        if known:
            with tarfile.open(
                fileobj=io.BytesIO(self._git("archive", "--format=tar", revision, "--", *known))
            ) as archive:
                archive.extraction_filter = getattr(tarfile, "data_filter", None)  # exists since 3.11.4
                archive.extractall(folder)

    def version(self, revision: str | None = None) -> str:
        """Return the version in pyproject.toml, of a revision or of the working tree."""
        name = "pyproject.toml"
        text = self.read(revision, name) if revision else (self.root / name).read_bytes()
        return str(tomllib.loads(text.decode())["project"]["version"])

    def _git(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(["git", "-C", str(self.root), *arguments], capture_output=True, check=False)
        except OSError as error:
            raise UsageError(f"git cannot be run: {error}") from None
        if done.returncode:
            raise UsageError(done.stderr.decode(errors="replace").strip().removeprefix("fatal: "))
        return done.stdout
