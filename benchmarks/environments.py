"""An environment for each peer: their import names collide. Made once under `.venvs/`, made anew when pins change."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = HERE / ".venvs"
_HTTP = "httpx==0.28.1"
_NUMPY = "numpy>=2.0,<3"


@dataclass(frozen=True)
class Peer:
    """Who takes part: `name` in tables, `module` in peers/use_<module>.py, what its environment holds."""

    key: str
    name: str
    module: str
    requirements: tuple[str, ...]
    shown: tuple[str, ...]  # packages whose versions the report names

    @property
    def environment(self) -> Path:
        return CACHE / ("limit" if self.key == "server" else self.key)

    @property
    def python(self) -> Path:
        return self.environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


OFFICIAL = Peer("official", "openrouter (official)", "official", ("openrouter==1.3.84", _NUMPY), ("openrouter",))
OPENAI = Peer("openai", "openai", "openai", ("openai==3.54.0", _NUMPY), ("openai",))
BARE = Peer("bare", "bare httpx + base64", "bare", (_HTTP, _NUMPY), ("httpx", "numpy"))
LIMIT = Peer("limit", "limit: sockets + msgspec", "limit", ("msgspec==0.22.0", _NUMPY), ("msgspec", "numpy"))
SERVER = Peer("server", "the server alone", "server", LIMIT.requirements, ())
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_DEFAULT = tuple(_PROJECT["dependencies"])
_EXTRA = tuple(_PROJECT.get("optional-dependencies", {}).get("fast", ()))
OURS = Peer("ours", "ours", "ours", _DEFAULT, ("httpx", "msgspec", "numpy", "pysimdjson"))
FAST = Peer("fast", "ours[fast]", "ours", (*_DEFAULT, *_EXTRA), tuple(_name(r) for r in _EXTRA))


def peers() -> tuple[Peer, ...]:
    """Those who take part; `ours[fast]` where the project has such an extra."""
    return (OFFICIAL, OPENAI, BARE, LIMIT, SERVER, OURS, *((FAST,) if _EXTRA else ()))


def prepare(peer: Peer) -> None:
    """Make the peer's environment unless it is there and as asked for."""
    stamp = peer.environment / "made-of"
    wanted = hashlib.sha256(repr((sys.version, peer.requirements)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"setting up the environment of {peer.name} ...", file=sys.stderr, flush=True)
    venv.create(peer.environment, clear=True, with_pip=True)
    pip = [str(peer.python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, *peer.requirements], check=True, stdout=sys.stderr)
    if peer.module == "ours":  # this checkout as it stands, as an editable install does it, with nothing to build
        packages = next(peer.environment.glob("lib/python*/site-packages"), peer.environment / "Lib" / "site-packages")
        (packages / "checkout.pth").write_text(f"{ROOT / 'overlay'}\n{ROOT / 'generated'}\n")
    stamp.write_text(wanted)


def versions(peer: Peer) -> dict[str, str]:
    """Of the packages that the report names, as installed."""
    code = (
        "import json, sys; from importlib.metadata import distributions; "
        "print(json.dumps({one.name: one.version for one in distributions() if one.name in sys.argv[1:]}))"
    )
    told = subprocess.run([peer.python, "-c", code, *peer.shown], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(told.stdout)
    return found


def clean_environment() -> dict[str, str]:
    """The environment without what changes a client's behaviour: proxies, keys, base URLs, Python's own settings."""
    prefixes = ("OPENROUTER_", "OPENAI_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(prefixes)}
