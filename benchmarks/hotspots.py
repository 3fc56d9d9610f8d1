"""Where our default path spends its time: one call, 2,048 texts, an async corpus; by library and by function.

Called so because a file named `profile` beside these would hide the standard module of that name.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import rig
from environments import HERE, OURS, clean_environment, prepare


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--top", type=int, default=25, metavar="N", help="functions shown (default 25)")
    parser.add_argument("--job", choices=("one", "matrix", "tasks"), action="append", help="default: all")
    wanted = parser.parse_args()
    prepare(OURS)
    with rig.server() as server:
        for job in wanted.job or ("one", "matrix", "tasks"):
            command = [str(OURS.python), str(HERE / "peers" / "profiled.py"), job, server.url("near"), str(wanted.top)]
            subprocess.run(command, check=True, env=clean_environment())
    return 0


if __name__ == "__main__":
    sys.exit(main())
