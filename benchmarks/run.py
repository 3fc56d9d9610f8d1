"""Measure this project against its peers: every row, all peers in turn, over real sockets (`make bench`).

The table and the picture in docs/ are rewritten after a full run; --quick and --only print and leave them alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import chart
import report
from environments import ROOT, Peer, peers, prepare, versions
from rig import Report, Server, WorkerError, cores, on_cores, server, settle, work
from rows import ROWS, Row
from server import expected_checksum

_DOCUMENT = ROOT / "docs" / "benchmarks.md"
_PICTURE = ROOT / "docs" / "benchmarks.svg"


def main() -> int:
    wanted = arguments()
    rows = [row for row in ROWS if chosen(row, wanted)]
    taking_part = [peer for peer in peers() if any(peer.key in row.peers for row in rows)]
    for peer in taking_part:
        prepare(peer)
    begun = time.monotonic()
    figures = {row.key: measured(row, taking_part, wanted) for row in rows}
    results = {
        "figures": figures,
        "peers": {peer.key: versions(peer) for peer in taking_part},
        "machine": report.machine(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "minutes": (time.monotonic() - begun) / 60,
        "quick": wanted.quick,
    }
    if wanted.json:
        Path(wanted.json).write_text(json.dumps(results, indent=1) + "\n")
    print(report.document(results))
    if wanted.write if wanted.write is not None else not (wanted.quick or wanted.only):
        report.write(_DOCUMENT, results)
        _PICTURE.write_text(chart.picture(results))
        print(f"written: {_DOCUMENT.relative_to(ROOT)}, {_PICTURE.relative_to(ROOT)}", file=sys.stderr)
    return int(any("failed" in kept for row in figures.values() for kept in row["peers"].values()))


def arguments() -> argparse.Namespace:
    names = [row.key for row in ROWS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: one round, little work, under a minute once set up"
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="ROW",
        choices=names,
        help=f"only this row; again for more: {', '.join(names)}",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of every row instead of its own number")
    parser.add_argument("--json", metavar="FILE", help="all figures, round by round, to this file")
    parser.add_argument(
        "--write", action=argparse.BooleanOptionalAction, help="rewrite the table and the picture in docs/, or not"
    )
    return parser.parse_args()


def chosen(row: Row, wanted: argparse.Namespace) -> bool:
    if wanted.only:
        return row.key in wanted.only
    return row.quick is not None or not wanted.quick


def measured(row: Row, taking_part: list[Peer], wanted: argparse.Namespace) -> dict[str, Any]:
    """All rounds of one row: A B C A B C ..., each in a process of its own, checked against what the server sent."""
    options = {**row.options, **((row.quick or {}) if wanted.quick else {})}
    rounds = 1 if wanted.quick else wanted.rounds or row.rounds
    figures: dict[str, Any] = {}
    order = [peer for peer in taking_part if peer.key in row.peers]
    with on_cores(row.cores or len(cores())), server() as running:
        for turn in range(-row.unmeasured, rounds):  # those below 0 are forgotten
            for peer in order:
                kept = figures.setdefault(peer.key, {"figures": [], "server_share": [], "before_mb": []})
                if "missing" not in kept:
                    once(row, peer, options, running, kept)
            if turn < 0:
                for kept in figures.values():
                    kept.update({name: [] for name in ("figures", "server_share", "before_mb")})
    for kept in figures.values():
        kept["median"] = statistics.median(kept["figures"]) if kept["figures"] else None
    print(f"{row.key}: {line(row, figures)}", file=sys.stderr, flush=True)
    return {
        "title": row.title,
        "unit": row.unit,
        "more_is_better": row.more_is_better,
        "options": options,
        "peers": figures,
    }


def once(row: Row, peer: Peer, options: dict[str, Any], running: Server, kept: dict[str, Any]) -> None:
    """One worker's turn. Its figures go into `kept`; so does the reason why there are none."""
    settle()
    before = running.cpu_seconds()
    try:
        reports = work(peer, row.job, {"url": running.url(row.port), **options}, row.copies)
        if "missing" not in reports[0]:
            check(row, peer, options, reports)
    except WorkerError as error:
        print(error, file=sys.stderr)
        kept["failed"] = kept["missing"] = str(error)
        return
    if "missing" in reports[0]:
        kept["missing"] = reports[0]["missing"]
        return
    kept["figures"].append(row.figure(reports, options))
    kept["before_mb"].append(reports[0]["before_mb"])
    elapsed = max(r["ended"] for r in reports) - min(r["started"] for r in reports)
    kept["server_share"].append((running.cpu_seconds() - before) / elapsed)


def check(row: Row, peer: Peer, options: dict[str, Any], reports: list[Report]) -> None:
    """Raises WorkerError: the vectors are not, to the bit, those that the server sent."""
    if not row.checked or peer.key == "server":
        return
    texts = int(options.get("texts", 1))
    expected = expected_checksum(texts, int(options.get("batch", texts)))
    for told in reports:
        if told["crc"] != expected:
            raise WorkerError(f"{peer.name}, {row.key}: wrong vectors")


def line(row: Row, figures: dict[str, Any]) -> str:
    """One row on one line, for whoever watches."""
    return " · ".join(
        f"{key} {report.shown(kept['median'], row.unit) if kept['median'] is not None else '—'}"
        for key, kept in figures.items()
    )


if __name__ == "__main__":
    sys.exit(main())
