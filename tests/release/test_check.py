"""`make release-check` fails for a tree with a defect, and names the step and the cause."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.environments import ROOT, SHELL, run

CHECK = Path(__file__).with_name("check.py")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
# step, file, text to replace, replacement, part of the message
DEFECTS = [
    ("versions", "pyproject.toml", f'version = "{VERSION}"', 'version = "99.0.0"', "CHANGELOG.md"),
    ("contents", "pyproject.toml", '    "overlay/openrouter-stubs",\n', "", "openrouter-stubs/__init__.py"),
    ("imports", "overlay/openrouter_embeddings/types.py", '"""\n', '"""\nimport requests\n', "'requests' imported"),
    ("installation", "examples/generate.py", "embeddings.generate(", "embeddings.generated(", "generate.py"),
    ("metadata", "pyproject.toml", '"Typing :: Typed"', '"Typing :: Typo"', "classifiers"),
    ("metadata", "hatch_build.py", 'else r"\\1"', 'else r"[\\1](\\2)"', "docs/reliability.md"),
    ("install-hints", "README.md", "embeddings[local]'", "embeddings[locale]'", "locale"),
    ("bill-of-materials", "hatch_build.py", '"specVersion": "1.6"', '"specVersion": 16', "CycloneDX"),
    ("reproducible", "hatch_build.py", '"version": 1,', '"version": __import__("time").time_ns(),', "differs"),
]


UNRELEASED = [
    ("pyproject.toml", r'^repository = ".*?"', 'repository = ""'),
    ("pyproject.toml", r"^authors = \[.*\]", "authors = []"),
    ("CHANGELOG.md", rf"^## {re.escape(VERSION)} - .*$", f"## {VERSION} - unreleased"),
]


def check(root: Path, step: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECK), "--root", str(root), "--only", step]
    return subprocess.run(command, capture_output=True, text=True, env=SHELL, timeout=600, check=False)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of this repository in which all uncommitted changes are committed."""
    root = tmp_path / "clone"
    run("git", "clone", "--quiet", ROOT, root)
    for name in run("git", "ls-files", "--modified", "--others", "--exclude-standard", folder=ROOT).splitlines():
        if (ROOT / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes((ROOT / name).read_bytes())
    for name, field, value in UNRELEASED:  # the tests also hold for a clone that is ready for its release
        text, count = re.subn(field, value, (root / name).read_text(), count=1, flags=re.MULTILINE)
        assert count == 1, f"{name} has no {field}"
        (root / name).write_text(text)
    commit(root)
    return root


def commit(root: Path, tag: str = "") -> None:
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    run("git", "add", "--all", folder=root)
    run("git", *author, "commit", "--quiet", "--allow-empty", "--message", "change", folder=root)
    if tag:
        run("git", "tag", tag, folder=root)


@pytest.mark.parametrize(("step", "file", "old", "new", "message"), DEFECTS, ids=[f"{d[0]}-{d[1]}" for d in DEFECTS])
def test_step_finds_the_defect(clone: Path, step: str, file: str, old: str, new: str, message: str) -> None:
    text = (clone / file).read_text()
    assert old in text
    (clone / file).write_text(text.replace(old, new, 1))
    commit(clone)
    done = check(clone, step)

    assert done.returncode == 1, done.stdout + done.stderr
    assert f"FAIL  {step}" in done.stdout
    assert message in done.stdout


def test_tagged_commit_needs_date_and_repository(clone: Path) -> None:
    commit(clone, tag=f"v{VERSION}")

    assert "write the date" not in check(clone, "versions").stdout
    assert f'write "## {VERSION} - 2' in check(clone, "versions").stdout
    assert "fill in repository and authors" in check(clone, "repository").stdout
    assert check(clone, "repository").returncode == 1


def test_links_of_the_description_are_absolute_if_the_repository_is_set(clone: Path) -> None:
    path = clone / "pyproject.toml"
    path.write_text(path.read_text().replace('repository = ""', 'repository = "https://example.com/team/project"'))
    commit(clone)
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", folder=clone)
    (sdist,) = (clone / "dist").glob("*.tar.gz")
    metadata = run("tar", "-xOf", sdist, f"{sdist.name.removesuffix('.tar.gz')}/PKG-INFO")

    assert f"](https://example.com/team/project/blob/v{VERSION}/docs/reliability.md)" in metadata
    assert "Project-URL: Issues, https://example.com/team/project/issues" in metadata
    assert check(clone, "metadata").returncode == 0
