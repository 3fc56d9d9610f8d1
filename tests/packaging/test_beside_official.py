"""Our distribution and the official SDK share an environment, in any order of installing and removing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.environments import ROOT, Environment, Installer, run

OURS, THEIRS = "openrouter-embeddings", "openrouter"
OFFICIAL, LANGCHAIN = "openrouter==1.3.84", "langchain-openrouter"

# Prints what each import name gives, after a call and an import of a submodule, and which installed files are damaged.
STATE = """
import base64, hashlib, importlib, importlib.metadata, json, os, pathlib

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
            answer = client.embeddings.generate(input=["a", "b"], model="openai/text-embedding-3-small")
    return f"{len(answer.data)} vectors by {sdk.__name__}"

def damaged(file):
    path = pathlib.Path(file.locate())
    digest = hashlib.sha256(path.read_bytes()).digest() if path.exists() else b""
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") != file.hash.value

used = [use(name) for name in ("openrouter", "openrouter_embeddings")]
found = [d for d in importlib.metadata.distributions() if d.name.startswith("openrouter")]
print(json.dumps([used, {d.name: [str(f) for f in d.files if f.hash and damaged(f)] for d in found}]))
"""


def check(environment: Environment, settings: dict[str, str], installed: set[str]) -> None:
    """Each SDK that is installed works under its own name, and none of its files is missing or replaced."""
    used = [
        "2 vectors by openrouter" if THEIRS in installed else "2 vectors by openrouter_embeddings",
        "2 vectors by openrouter_embeddings" if OURS in installed else "no openrouter_embeddings",
    ]
    assert json.loads(environment.run(STATE, settings)) == [used, {name: [] for name in installed}]
    scripts = [environment.bin / name for name in ("openrouter", "openrouter-embeddings")]
    versions = [run(script, "--version").split()[0] for script in scripts if script.exists()]
    assert versions == [OURS, OURS] * (OURS in installed)


def client_of_langchain(environment: Environment) -> str:
    """Whether `langchain-openrouter` makes its client of the official SDK."""
    client = "langchain_openrouter.ChatOpenRouter(model='a', api_key='b').client"
    program = f"import langchain_openrouter, openrouter; print(isinstance({client}, openrouter.OpenRouter))"
    return environment.run(program)


# Each SDK is installed first and second, and removed as the first and as the second that was installed.
STEPS: dict[Installer, str] = {
    "uv": "+ours +theirs -theirs +langchain -ours +ours -ours +ours -theirs -ours +theirs +editable -theirs",
    "pip": "+ours +theirs -ours +ours -theirs",
}


@pytest.mark.parametrize("installer", STEPS)
def test_each_sdk_works_after_each_step(
    installer: Installer, wheel: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv", installer)
    requirements = {"theirs": OFFICIAL, "ours": str(wheel), "editable": f"--editable={ROOT}", "langchain": LANGCHAIN}
    installed: set[str] = set()
    for step in STEPS[installer].split():
        action, name = step[0], step[1:]
        distribution = OURS if name in ("ours", "editable") else THEIRS  # langchain-openrouter requires theirs
        if action == "+":
            environment.install(requirements[name])
        else:
            for folder in tmp_path.glob("venv/lib/*/site-packages/openrouter"):
                (folder / "notes.txt").touch()  # a file that no installer removes
            environment.uninstall(distribution)
        installed ^= {distribution}
        if installed:
            check(environment, settings, installed)
        assert name != "langchain" or client_of_langchain(environment) == "True\n"
