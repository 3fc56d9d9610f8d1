"""One virtual environment per peer, in `.venvs/`. An environment is made again when its requirements change."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
_HTTPX, _NUMPY = "httpx==0.28.1", "numpy>=2.0,<3"


@dataclass(frozen=True)
class Peer:
    """A measured client: peers/use_<module>.py and its environment. The report names the versions of `reported`."""

    key: str
    name: str
    module: str
    requirements: tuple[str, ...]
    reported: tuple[str, ...]
    http_library: str | None = None  # of ours: the library that it must use

    @property
    def python(self) -> Path:
        return HERE / ".venvs" / self.key / "bin" / "python"


_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_OURS = tuple(_PROJECT["dependencies"])
_OURS_HTTPX2 = (*_OURS, *_PROJECT["optional-dependencies"]["httpx2"])

PEERS = (
    Peer("official", "openrouter (official)", "official", ("openrouter==1.3.84", _NUMPY), ("openrouter",)),
    Peer("openai", "openai", "openai", ("openai==3.54.0", _NUMPY), ("openai",)),
    Peer("bare", "bare httpx + base64", "bare", (_HTTPX, _NUMPY), ("httpx", "numpy")),
    Peer("limit", "limit: raw sockets", "limit", ("msgspec==0.22.0", _NUMPY), ("msgspec",)),
    Peer("ours", "ours", "ours", _OURS, (), http_library="httpx"),
    Peer("ours-httpx2", "ours on httpx2", "ours", _OURS_HTTPX2, ("httpx2",), http_library="httpx2"),
)
NAMES = {peer.key: peer.name for peer in PEERS}


def prepare(peer: Peer) -> None:
    """Make the peer's environment, unless it exists with the same Python and requirements."""
    environment = peer.python.parent.parent
    stamp = environment / "requirements.sha256"
    wanted = hashlib.sha256(repr((sys.version, peer.requirements)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"making the environment of {peer.name} ...", file=sys.stderr, flush=True)
    venv.create(environment, clear=True, with_pip=True)
    pip = [peer.python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, *peer.requirements], check=True, stdout=sys.stderr)
    if peer.module == "ours":  # import from this checkout, as an editable installation does
        packages = next(environment.glob("lib/python*/site-packages"))
        (packages / "checkout.pth").write_text(f"{ROOT / 'overlay'}\n{ROOT / 'generated'}\n")
    stamp.write_text(wanted)


def versions(peer: Peer) -> dict[str, str]:
    """The installed versions of the packages that the report names."""
    code = "import sys; from importlib.metadata import version; print({name: version(name) for name in sys.argv[1:]})"
    command = [peer.python, "-c", code, *peer.reported]
    return ast.literal_eval(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def clean_variables() -> dict[str, str]:
    """The environment variables of this process without those that configure a client or Python."""
    prefixes = ("OPENROUTER_", "OPENAI_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "PYTHON", "SSL_CERT_")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(prefixes)}
