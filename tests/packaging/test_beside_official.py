"""Our distribution and the official SDK share an environment, in any order of installing and removing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.environments import ROOT, Environment, Installer, run

OURS, THEIRS = "openrouter-embeddings", "openrouter"
OFFICIAL = "openrouter==1.3.84"

# Prints what each import name gives, after a call and an import of a submodule, and which installed files are damaged.
STATE = """
import base64, hashlib, importlib, importlib.metadata, json, os, pathlib

def use(name):
    try:
        sdk = importlib.import_module(name)
        errors = importlib.import_module(name + ".errors")
    except ModuleNotFoundError as error:
        return error.name
    with sdk.OpenRouter(os.environ["OPENROUTER_API_KEY"], server_url=os.environ["OPENROUTER_BASE_URL"]) as client:
        try:
            client.embeddings.generate(input="a", model="no/such-model")
        except errors.NotFoundResponseError:
            answer = client.embeddings.generate(input=["a", "b"], model="openai/text-embedding-3-small")
    return f"{len(answer.data)} vectors by {sdk.__name__}"

def damaged(file):
    path = pathlib.Path(file.locate())
    digest = hashlib.sha256(path.read_bytes()).digest() if path.exists() else b""
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") != file.hash.value

used = [use(name) for name in ("openrouter", "openrouter_embeddings")]
ours = [d for d in importlib.metadata.distributions() if d.name.startswith("openrouter")]
print(json.dumps([used, {d.name: [str(f) for f in d.files if f.hash and damaged(f)] for d in ours}]))
"""
USED = {
    (OURS,): ["2 vectors by openrouter_embeddings", "2 vectors by openrouter_embeddings"],
    (THEIRS,): ["2 vectors by openrouter", "openrouter_embeddings"],
    (THEIRS, OURS): ["2 vectors by openrouter", "2 vectors by openrouter_embeddings"],
}


def check(environment: Environment, settings: dict[str, str], installed: set[str]) -> None:
    """Each SDK that is installed works under its own name, and none of its files is missing or replaced."""
    expected = next(used for names, used in USED.items() if installed == set(names))
    assert json.loads(environment.run(STATE, settings)) == [expected, {name: [] for name in installed}]

    scripts = [environment.bin / name for name in ("openrouter", "openrouter-embeddings")]
    versions = [run(script, "--version").split()[0] for script in scripts if script.exists()]
    assert versions == [OURS, OURS] * (OURS in installed)


@pytest.mark.parametrize(
    ("installer", "first", "second", "removed"),
    [
        ("uv", OURS, THEIRS, THEIRS),
        ("uv", OURS, THEIRS, OURS),
        ("uv", THEIRS, OURS, THEIRS),
        ("uv", THEIRS, OURS, OURS),
        ("pip", OURS, THEIRS, THEIRS),
        ("pip", THEIRS, OURS, OURS),
    ],
)
def test_every_order_of_installing_and_removing(
    installer: Installer, first: str, second: str, removed: str, wheel: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv", installer)
    requirements = {OURS: wheel, THEIRS: OFFICIAL}

    environment.install(requirements[first])
    check(environment, settings, {first})
    environment.install(requirements[second])
    check(environment, settings, {first, second})
    environment.uninstall(removed)
    check(environment, settings, {first, second} - {removed})


def test_files_that_remain_of_the_official_sdk_do_not_hide_ours(
    wheel: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv")
    environment.install(wheel, OFFICIAL)
    (folder,) = tmp_path.glob("venv/lib/*/site-packages/openrouter")
    (folder / "notes.txt").write_text("The user's own file.")
    run(environment.python, "-m", "compileall", "-q", folder)

    environment.uninstall(THEIRS)

    assert folder.exists()
    check(environment, settings, {OURS})


def test_editable_install_works_beside_the_official_sdk(settings: dict[str, str], tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv")
    environment.install(OFFICIAL, "--editable", ROOT)
    check(environment, settings, {OURS, THEIRS})
    environment.uninstall(THEIRS)
    check(environment, settings, {OURS})


def test_langchain_openrouter_works_beside_ours(wheel: Path, settings: dict[str, str], tmp_path: Path) -> None:
    """`langchain-openrouter` requires the official SDK."""
    environment = Environment(tmp_path / "venv")
    environment.install(wheel, "langchain-openrouter")
    program = (
        "import openrouter, langchain_openrouter as langchain; m = langchain.ChatOpenRouter(model='a', api_key='b')"
    )

    assert environment.run(f"{program}; print(isinstance(m.client, openrouter.OpenRouter))") == "True\n"
    check(environment, settings, {OURS, THEIRS})
