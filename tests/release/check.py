"""Checks a release before it is published: versions, metadata, reproducible files, installation, examples, an index.

    python tests/release/check.py [--root FOLDER] [--only STEP ...]

Each step prints one line. The exit code is 0 if every step passed, 1 if one failed, 2 for wrong usage.
docs/releasing.md describes all steps of a release.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

BIN = Path(sys.executable).parent
INSTALL_HINT = re.compile(r"pip install '?openrouter-embeddings(?:\[([a-z0-9,-]+)\])?'?")
CONTENTS = ("overlay/openrouter_embeddings/", "overlay/openrouter-stubs/", "overlay/openrouter.py", "generated/")
EXAMPLES = ("examples/generate.py", "examples/list_models.py")
OLDEST_PYTHON, NEWEST_PYTHON = 11, 15


class Failed(Exception):
    """A failed step; the message says how to fix it."""


class Release:
    """The checked tree and its distributions."""

    def __init__(self, root: Path, work: Path) -> None:
        self.root, self.work = root, work
        self.dist = work / "dist"
        self.project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())
        self.version: str = self.project["project"]["version"]
        self.notes: list[str] = []
        self.tags = [tag for tag in self.git("tag", "--points-at", "HEAD").split() if tag.startswith("v")]

    def git(self, *arguments: str) -> str:
        return run("git", *arguments, folder=self.root)

    @property
    def tracked(self) -> set[str]:
        return set(self.git("ls-files", "-z").strip("\0").split("\0"))

    def distributions(self) -> tuple[Path, Path]:
        """Build the wheel and the sdist of the committed tree once, and return them."""
        if not self.dist.exists():
            build(self, self.work / "first", self.dist)
        (wheel,), (sdist,) = self.dist.glob("*.whl"), self.dist.glob("*.tar.gz")
        return wheel, sdist


def run(*command: str | Path, folder: Path | None = None, timeout: int = 600, **environment: str) -> str:
    """Run a command and return its output.

    Raises:
        Failed: the exit code is not 0.
    """
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=variables | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        line = " ".join(map(str, command))
        raise Failed(f"`{line}` exits with {done.returncode}:\n{(done.stdout + done.stderr).strip()}")
    return done.stdout


def build(release: Release, checkout: Path, folder: Path) -> None:
    """Build sdist and wheel in a new clone, which contains only committed files."""
    run("git", "clone", "--quiet", release.root, checkout)
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, folder=checkout)


def check_versions(release: Release) -> None:
    """The version in pyproject.toml, the tag of this commit and the CHANGELOG agree."""
    newest = re.search(r"^## (\S+) - (.+)$", (release.root / "CHANGELOG.md").read_text(), re.MULTILINE)
    if newest is None or newest[1] != release.version:
        found = newest[1] if newest else "none"
        raise Failed(
            f"pyproject.toml has version {release.version}, the newest section of CHANGELOG.md is {found}: "
            f'write "## {release.version} - unreleased"'
        )
    if release.tags and release.tags != [f"v{release.version}"]:
        raise Failed(f"this commit has the tag {', '.join(release.tags)}, pyproject.toml has {release.version}")
    if newest[2] == "unreleased":
        if release.tags:
            raise Failed(f'a tagged release has a date: write "## {release.version} - {datetime.date.today()}"')
        release.notes.append("CHANGELOG.md says `unreleased`: write the date before you tag.")
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", newest[2]):
        raise Failed(f"CHANGELOG.md: {newest[2]!r} is no date; write YYYY-MM-DD or unreleased")


def check_repository(release: Release) -> None:
    """A tagged commit names the address of the repository and the authors."""
    values = release.project["tool"]["hatch"]["metadata"]["hooks"]["custom"]
    empty = [name for name in ("repository", "authors") if not values[name]]
    if empty:
        note = f"pyproject.toml, [tool.hatch.metadata.hooks.custom]: fill in {' and '.join(empty)} before the upload."
        if release.tags:
            raise Failed(note)
        release.notes.append(note)


def check_reproducible(release: Release) -> None:
    """Builds in two clones have the same bytes."""
    first, second = release.distributions(), release.work / "again"
    build(release, release.work / "second", second)
    for path in first:
        if path.read_bytes() != (second / path.name).read_bytes():
            raise Failed(f"{path.name} differs between two builds: compare {path} and {second / path.name}")


def check_contents(release: Release) -> None:
    """The wheel contains exactly the files of the packages, the sdist exactly the files of the repository."""
    wheel, sdist = release.distributions()
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        told = {PurePosixPath(name).name for name in archive.namelist() if ".dist-info/" in name}
    wanted = {name.partition("/")[2] for name in release.tracked if name.startswith(CONTENTS)}
    _same_files("the wheel", packed, wanted)
    _same_files("the wheel's .dist-info", told, {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "LICENSE"} | SBOM)
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    _same_files("the sdist", names, release.tracked | {"PKG-INFO"})


SBOM = {"openrouter-embeddings.cdx.json"}


def _same_files(where: str, packed: set[str], wanted: set[str]) -> None:
    missing, extra = sorted(wanted - packed), sorted(packed - wanted)
    if missing or extra:
        raise Failed(f"{where} lacks {missing[:5] or 'nothing'} and has {extra[:5] or 'nothing'} beyond the repository")


def check_metadata(release: Release) -> None:
    """The metadata is valid, and a package index can render the README."""
    wheel, sdist = release.distributions()
    run(BIN / "validate-pyproject", release.root / "pyproject.toml")
    run(BIN / "twine", "check", "--strict", wheel, sdist)
    run(BIN / "check-wheel-contents", "--config", release.root / "pyproject.toml", wheel)
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(metadata).decode()
    relative = re.findall(r"\]\((?![a-z]+:|#)([^)]*)\)", text)
    if relative:
        raise Failed(f"the description has links that are not absolute: {', '.join(relative)}")


def check_bill_of_materials(release: Release) -> None:
    """The wheel's SBOM (PEP 770) is valid CycloneDX and names every requirement."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from packaging.metadata import Metadata

    wheel, _ = release.distributions()
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if "/sboms/" in name)
        text = archive.read(name).decode()
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        required = Metadata.from_email(archive.read(metadata), validate=False).requires_dist or []
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise Failed(f"{name} is not valid CycloneDX 1.6: {error}")
    named = {component["name"] for component in json.loads(text)["components"]}
    if missing := {requirement.name for requirement in required} - named:
        raise Failed(f"{name} lacks {', '.join(sorted(missing))}")


def check_imports(release: Release) -> None:
    """Every imported distribution is declared, and every declared one is imported."""
    run(BIN / "deptry", ".", "--no-ansi", folder=release.root)


def check_install_hints(release: Release) -> None:
    """Every `pip install` in a message or on a page names existing extras."""
    extras = set(release.project["project"]["optional-dependencies"])
    for name in sorted(release.tracked):
        if not name.startswith(("overlay/", "docs/", "README.md", "examples/")) or name.endswith(".svg"):
            continue
        for hint in INSTALL_HINT.finditer((release.root / name).read_text()):
            if unknown := set((hint[1] or "").split(",")) - extras - {""}:
                raise Failed(f"{name}: {hint[0]!r} names the unknown extra {', '.join(sorted(unknown))}")


def check_audit(release: Release) -> None:
    """No locked dependency has a known vulnerability; print a note if the database is unreachable."""
    offline = "audit: the database of vulnerabilities cannot be reached; run `--only audit` again with a network."
    report = release.work / "audit.json"
    command = [BIN / "pip-audit", "--requirement", release.root / "requirements.lock", "--disable-pip", "--no-deps"]
    command += ["--progress-spinner", "off", "--timeout", "10", "--format", "json", "--output", report]
    try:
        run(*command, timeout=120)
    except subprocess.TimeoutExpired:
        return release.notes.append(offline)
    except Failed:
        if not report.exists() or not report.read_text():
            return release.notes.append(offline)
    packages = json.loads(report.read_text())["dependencies"]
    found = [f"{p['name']} {p['version']}: {bug['id']}" for p in packages for bug in p.get("vulns", ())]
    if found:
        raise Failed(f"known vulnerabilities: {', '.join(found)}; raise the lowest version or write why it is harmless")
    if skipped := sum("skip_reason" in package for package in packages):
        release.notes.append(f"{skipped} of {len(packages)} packages unknown: {offline}")
    return None


def check_installation(release: Release) -> None:
    """Wheel and sdist install into a new environment of each Python version, and the examples run there."""
    from openrouter_embeddings.local import serve

    wheel, sdist = release.distributions()
    found = pythons()
    absent = [f"3.{minor}" for minor in range(OLDEST_PYTHON, NEWEST_PYTHON + 1) if f"3.{minor}" not in found]
    if absent:
        release.notes.append(f"no Python {', '.join(absent)} on this machine: continuous integration tests them.")
    with serve(api_key="sk-or-v1-release-check") as server:
        for version, python in found.items():
            for kind, source, resolution in (
                ("wheel, newest", wheel, "highest"),
                ("sdist, newest", sdist, "highest"),
                ("wheel, lowest", wheel, "lowest-direct"),
            ):
                try:
                    _install_and_run(release, python, source, resolution, server.environment)
                except Failed as error:
                    raise Failed(f"Python {version}, {kind} dependencies: {error}") from None


def pythons() -> dict[str, Path]:
    """Return the installed interpreters of supported Python versions."""
    homes = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin")
    folders = [Path(sys.executable).parent, *map(Path, os.environ.get("PATH", "").split(os.pathsep)), *homes]
    found: dict[str, Path] = {}
    for minor in range(OLDEST_PYTHON, NEWEST_PYTHON + 1):
        version = f"3.{minor}"
        for path in (folder / f"python{version}" for folder in folders):
            try:
                run(path, "-c", "import venv, ssl", timeout=30)
            except (Failed, OSError):
                continue
            found[version] = path
            break
    return found


def _install_and_run(
    release: Release, python: Path, source: Path, resolution: str, environment: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory(dir=release.work) as folder:
        home = Path(folder, "environment")
        run(BIN / "uv", "venv", "--quiet", "--python", python, home)
        binary = ["--only-binary", ":all:", "--no-binary", "openrouter-embeddings"]
        install = [BIN / "uv", "pip", "install", "--quiet", "--system-certs", "--python", home / "bin/python"]
        run(*install, "--resolution", resolution, *(binary if source.suffix == ".gz" else binary[:2]), source)
        for example in EXAMPLES:
            shutil.copy(release.root / example, folder)
            run(home / "bin/python", Path(folder, Path(example).name), folder=Path(folder), **environment)


def check_index(release: Release) -> None:
    """The distributions can be uploaded to an index and installed from it."""
    wheel, sdist = release.distributions()
    with package_index(release.work / "index") as url, tempfile.TemporaryDirectory(dir=release.work) as folder:
        account = {"TWINE_USERNAME": "release", "TWINE_PASSWORD": "check", "TWINE_REPOSITORY_URL": url}
        run(BIN / "twine", "upload", "--non-interactive", "--disable-progress-bar", wheel, sdist, **account)
        python = Path(folder, "environment/bin/python")
        run(BIN / "uv", "venv", "--quiet", "--python", sys.executable, python.parents[1])
        install = [BIN / "uv", "pip", "install", "--quiet", "--system-certs", "--python", python]
        run(*install, "--index", f"{url}/simple/", "--reinstall", f"openrouter-embeddings=={release.version}")
        printed = run(python.with_name("openrouter-embeddings"), "--version")
        if release.version not in printed:
            raise Failed(f"the installed command says {printed!r}, not {release.version}")


@contextmanager
def package_index(folder: Path) -> Iterator[str]:
    """Run a package index on a free port of loopback for at most ten minutes, and yield its URL."""
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [BIN / "pypi-server", "run", "--interface", "127.0.0.1", "--port", str(port), "--server", "wsgiref"]
    command += ["--authenticate", ".", "--passwords", ".", "--disable-fallback", folder]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_open(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_until_open(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
    raise Failed("the package index did not start")


STEPS: dict[str, Callable[[Release], None]] = {
    "versions": check_versions,
    "repository": check_repository,
    "reproducible": check_reproducible,
    "contents": check_contents,
    "metadata": check_metadata,
    "bill-of-materials": check_bill_of_materials,
    "imports": check_imports,
    "install-hints": check_install_hints,
    "audit": check_audit,
    "installation": check_installation,
    "index": check_index,
}


def main() -> int:
    """Run the steps, and print one line per step."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the checkout to check")
    parser.add_argument("--only", nargs="+", choices=STEPS, metavar="STEP", help=f"some of: {', '.join(STEPS)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        release = Release(arguments.root.resolve(), Path(folder))
        if release.git("status", "--porcelain"):
            release.notes.append("the tree has changes that are not committed: they are not part of what was built.")
        failed = sum(not _passes(name, STEPS[name], release) for name in arguments.only or STEPS)
    for note in release.notes:
        print(f"note  {note}")
    chosen = arguments.only or STEPS
    if failed:
        print(f"{failed} of {len(chosen)} steps failed")
    elif len(chosen) < len(STEPS):
        print(f"{len(chosen)} of {len(STEPS)} steps passed")
    else:
        print(f"{release.version} can be released" + ("; read the notes first" if release.notes else ""))
    return min(failed, 1)


def _passes(name: str, step: Callable[[Release], None], release: Release) -> bool:
    start = time.monotonic()
    try:
        step(release)
    except Failed as error:
        print(f"FAIL  {name}: {error}", flush=True)
        return False
    print(f"ok    {name} ({time.monotonic() - start:.0f} s)", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
