"""Our distribution and the official SDK work in one environment, after any order of installs and uninstalls."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.environments import ROOT, Environment, Installer

OURS, THEIRS = "openrouter-embeddings", "openrouter"
OFFICIAL, LANGCHAIN = "openrouter==1.3.84", "langchain-openrouter"

# Prints the SDK behind each import name, after a call and an import of a submodule; the damaged files; and the output
# of the commands.
STATE = """
import base64, contextlib, gc, hashlib, importlib, importlib.metadata, io, json, os, pathlib, runpy, sys

gc.disable()  # in Python 3.11, a finalizer that imports a module during another import raises KeyError

def use(name):
    try:
        sdk = importlib.import_module(name)
        errors = importlib.import_module(name + ".errors")
    except ModuleNotFoundError as error:
        return f"no {error.name}"
    with sdk.OpenRouter(os.environ["OPENROUTER_API_KEY"], server_url=os.environ["OPENROUTER_BASE_URL"]) as client:
        try:
            client.embeddings.generate(input="a", model="no/such-model")
        except errors.NotFoundResponseError:
            response = client.embeddings.generate(input=["a", "b"], model="openai/text-embedding-3-small")
    return f"{len(response.data)} vectors by {sdk.__name__}"

def damaged(file):
    path = pathlib.Path(file.locate())
    digest = hashlib.sha256(path.read_bytes()).digest() if path.exists() else b""
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") != file.hash.value

def version(command):
    sys.argv = [command, "--version"]
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        runpy.run_path(str(pathlib.Path(sys.executable).with_name(command)), run_name="__main__")
    return printed.getvalue().split()[0]

used = [use(name) for name in ("openrouter", "openrouter_embeddings")]
found = [d for d in importlib.metadata.distributions() if d.name.startswith("openrouter")]
files = {d.name: [str(f) for f in d.files if f.hash and damaged(f)] for d in found}
commands = [path.name for path in sorted(pathlib.Path(sys.executable).parent.glob("openrouter*"))]
print(json.dumps([used, files, [version(name) for name in commands]]))
"""


def assert_works(environment: Environment, settings: dict[str, str], installed: set[str]) -> None:
    """Each installed SDK works under its own name, and none of its files is missing or changed."""
    used = [
        "2 vectors by openrouter" if THEIRS in installed else "2 vectors by openrouter_embeddings",
        "2 vectors by openrouter_embeddings" if OURS in installed else "no openrouter_embeddings",
    ]
    versions = [OURS, OURS] if OURS in installed else []
    assert json.loads(environment.run(STATE, settings)) == [used, {name: [] for name in installed}, versions]


def langchain_uses_the_official_client(environment: Environment) -> str:
    """Return the printed boolean whether `langchain-openrouter` creates a client of the official SDK."""
    client = "langchain_openrouter.ChatOpenRouter(model='a', api_key='b').client"
    program = f"import langchain_openrouter, openrouter; print(isinstance({client}, openrouter.OpenRouter))"
    return environment.run(program)


# What requires the official SDK. The release of pydantic-core that langchain-openrouter needs has no wheel for 3.15.
DEPENDENT = "langchain" if sys.version_info < (3, 15) else "theirs"
# Each SDK is installed first and second, and uninstalled first and second.
STEPS: dict[Installer, str] = {
    "uv": f"+ours +theirs -theirs +{DEPENDENT} -ours +ours -ours +ours -theirs -ours +theirs +editable -theirs",
    "pip": "+ours +theirs -ours +ours -theirs",
}


@pytest.mark.parametrize("installer", STEPS)
def test_each_sdk_works_after_each_step(
    installer: Installer, wheel: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv", installer)
    if installer == "pip":  # uv installs the dependencies first, because pip is slow
        with_uv = Environment(tmp_path / "venv")
        with_uv.install(wheel, OFFICIAL)
        for distribution in (OURS, THEIRS):
            with_uv.uninstall(distribution)
    requirements = {"theirs": OFFICIAL, "ours": str(wheel), "editable": f"--editable={ROOT}", "langchain": LANGCHAIN}
    installed: set[str] = set()
    for step in STEPS[installer].split():
        action, name = step[0], step[1:]
        distribution = OURS if name in ("ours", "editable") else THEIRS  # langchain-openrouter requires OFFICIAL
        if action == "+":
            environment.install(requirements[name])
        else:
            for folder in tmp_path.glob("venv/lib/*/site-packages/openrouter"):
                (folder / "notes.txt").touch()  # installers do not remove this file
            environment.uninstall(distribution)
        installed ^= {distribution}
        if installed:
            assert_works(environment, settings, installed)
        assert name != "langchain" or langchain_uses_the_official_client(environment) == "True\n"
