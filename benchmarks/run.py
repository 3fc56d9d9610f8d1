"""Measures this project and its peers over real sockets (`make bench`): every row, all peers in turn.

A full run rewrites docs/benchmarks.md and docs/benchmarks.svg. A run of a part prints its figures only.
"""

from __future__ import annotations

import argparse
import pstats
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from typing import Any

import chart
import report
from environments import PEERS, ROOT, Peer, prepare, versions
from processes import Report, Server, WorkerError, cores, on_cores, run_workers, running_server
from rows import ROWS, TABLES, Row, Table
from server import expected_checksum

_DOCUMENT, _PICTURE = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.svg"


def main() -> int:
    arguments = parsed_arguments()
    rows = [row for row in ROWS if not arguments.row or row.key in arguments.row]
    tables = [table for table in TABLES if not arguments.table or table.key in arguments.table]
    work = [
        (table, quick(row) if arguments.quick else row) for table in tables for row in rows if table.key in row.tables
    ]
    wanted = arguments.peer or [peer.key for peer in PEERS]
    peers = [peer for peer in PEERS if peer.key in wanted and any(peer.key in row.peers for _, row in work)]
    for peer in peers:
        prepare(peer)
    if arguments.profile:
        return profile(work, peers)
    begin, installed = time.monotonic(), {}
    for peer in peers:
        installed |= versions(peer)
    results: dict[str, dict[str, Any]] = {}
    for table, row in work:
        results.setdefault(table.key, {})[row.key] = measured(table, row, peers, arguments.rounds or row.rounds)
    run = {
        "results": results,
        "versions": installed,
        "machine": report.machine(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "minutes": (time.monotonic() - begin) / 60,
        "quick": arguments.quick,
    }
    print(report.document(run))
    if not (arguments.row or arguments.table or arguments.peer or arguments.quick):
        report.write(_DOCUMENT, run)
        _PICTURE.write_text(chart.picture(run))
        print(f"written: {_DOCUMENT.relative_to(ROOT)}, {_PICTURE.relative_to(ROOT)}", file=sys.stderr)
    failed = [peer for rows in results.values() for row in rows.values() for peer in row["peers"].values()]
    return int(any("failed" in peer for peer in failed))


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, keys in (
        ("row", [row.key for row in ROWS]),
        ("table", [table.key for table in TABLES]),
        ("peer", [peer.key for peer in PEERS]),
    ):
        parser.add_argument(f"--{name}", action="append", choices=keys, help=f"only this {name}; may be repeated")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of every row, instead of the row's own number")
    parser.add_argument("--quick", action="store_true", help="one round with little work, to see that everything runs")
    parser.add_argument("--profile", action="store_true", help="print where the time of each job goes (cProfile)")
    return parser.parse_args()


def quick(row: Row) -> Row:
    """The same row with one round and little work."""
    small = {"texts": 2048, "warm": 1, "repeat": 3}
    options = {name: min(value, small.get(name, value)) for name, value in row.options.items()}
    return replace(row, options=options, rounds=1, discarded_rounds=0)


def measured(table: Table, row: Row, peers: list[Peer], rounds: int) -> dict[str, Any]:
    """All rounds of one row: the peers in turn, each time in a new process."""
    figures: dict[str, dict[str, Any]] = {peer.key: {"figures": []} for peer in peers if peer.key in row.peers}
    with on_cores(row.cores or len(cores())), running_server() as server:
        for number in range(-row.discarded_rounds, rounds):
            for peer in peers:
                if peer.key not in figures or "failed" in figures[peer.key]:
                    continue
                time.sleep(0.05)  # the end of the last process must not slow down the next
                try:
                    reports = checked_reports(table, row, peer, server)
                except WorkerError as error:
                    print(error, file=sys.stderr)
                    figures[peer.key]["failed"] = str(error)
                    continue
                if number >= 0:
                    figures[peer.key]["figures"].append(row.figure(reports))
    for found in figures.values():
        found["median"] = statistics.median(found["figures"]) if found["figures"] else None
    medians = {key: report.formatted(found["median"], row.unit) for key, found in figures.items() if found["median"]}
    print(f"{table.key} {row.key}, {row.unit}: {medians}", file=sys.stderr, flush=True)
    return {"title": row.title, "unit": row.unit, "more_is_better": row.more_is_better, "peers": figures}


def checked_reports(table: Table, row: Row, peer: Peer, server: Server, **extra: Any) -> list[Report]:
    """The reports of one round.

    Raises:
        WorkerError: a worker failed, its vectors differ from the server's, or it did not use the peer's HTTP library.
    """
    kind = table.server if row.server == "fast" else row.server
    options = {"url": server.url(kind, table.tls), **row.options, **extra}
    reports = run_workers(peer, row.job, options, server.certificate if table.tls else None, row.copies)
    texts = row.options.get("texts", 1)
    for found in reports if row.checked else ():
        if found["crc"] != expected_checksum(texts, row.options.get("batch", texts)):
            raise WorkerError(f"{peer.name}, {row.key}: wrong vectors")
        if peer.http_library is not None and peer.http_library not in found["http_libraries"]:
            raise WorkerError(f"{peer.name}, {row.key}: used {found['http_libraries']}, not {peer.http_library}")
    return reports


def profile(work: list[tuple[Table, Row]], peers: list[Peer]) -> int:
    """Print the functions that take the most time, in the worker's main thread."""
    for table, row, peer in ((table, row, peer) for table, row in work for peer in peers if peer.key in row.peers):
        with running_server() as server, tempfile.NamedTemporaryFile(suffix=".prof") as file:
            checked_reports(table, replace(row, copies=1), peer, server, profile=file.name)
            print(f"\n{table.key} {row.key}, {peer.name}")
            pstats.Stats(file.name).sort_stats("tottime").print_stats(25)
    return 0


if __name__ == "__main__":
    sys.exit(main())
