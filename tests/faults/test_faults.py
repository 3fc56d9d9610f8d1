"""The table of faults: every row from every side, and what holds for each of them."""

from __future__ import annotations

import pickle
import re
import traceback
from collections.abc import Callable

import pytest
from openrouter_embeddings import errors

from . import test_lifetimes as lifetimes
from .conftest import Met
from .drives import DRIVES, OWN, Drive
from .fault import CROWD_SECONDS, SLACK_SECONDS, Fault
from .right import in_base64
from .table import FAULTS
from .witness import hiding_places

Find = Callable[[Fault, Drive], Met]


def faults(of: Callable[[Fault], object]) -> pytest.MarkDecorator:
    """Parametrize by the rows that a test says something about."""
    return pytest.mark.parametrize("fault", [fault for fault in FAULTS if of(fault)], ids=lambda fault: fault.id)


every_fault = faults(lambda fault: True)
TOLD = (
    "message",
    "attempts",
    "possibly_billed_attempts",
    "retry_after",
    "generation_id",
    "status_code",
    "body",
    "data",
)


@every_fault
def test_outcome(fault: Fault, drive: Drive, met: Find) -> None:
    """The right vectors, or the right error; asked and paid as often as the table says, in time."""
    outcome, _ = met(fault, drive)
    if fault.wanted is None:
        assert outcome.error is None, "".join(traceback.format_exception(outcome.error))
        for value in outcome.values:
            assert drive.vectors(value) == fault.vectors(fault.texts)
    else:
        assert fault.wanted in type(outcome.error).__mro__[:2], repr(outcome.error)
        for words in fault.says:
            assert words in str(outcome.error)
    assert len(outcome.ledger.requests) == fault.n
    assert outcome.ledger.billed == [len(fault.texts)] * fault.b
    assert outcome.seconds <= fault.within_seconds
    if fault.check is not None:
        fault.check(outcome)


@every_fault
def test_honesty(fault: Fault, drive: Drive, met: Find) -> None:
    """What is told of attempts and of billing is what the server saw, and an error is one that a user can read."""
    outcome, _ = met(fault, drive)
    attempts = fault.n if fault.attempts is None else fault.attempts
    if outcome.error is None:
        meta = outcome.values[-1].http_meta
        assert fault.calls > 1 or meta.attempts == attempts
        assert fault.calls > 1 or meta.possibly_billed_attempts == fault.b - 1 + fault.unsure
        return
    assert isinstance(outcome.error, errors.OpenRouterError)
    assert outcome.error.attempts == attempts
    assert outcome.error.possibly_billed_attempts == fault.b + fault.unsure
    assert 0 < len(outcome.error.message) <= 1_000
    assert outcome.error.message.isprintable()


@faults(lambda fault: fault.gaps)
def test_waits(fault: Fault, drive: Drive, met: Find) -> None:
    """Between requests it waits as told, or as its policy says."""
    outcome, _ = met(fault, drive)
    slack = CROWD_SECONDS if fault.default_policy else SLACK_SECONDS
    for gap, (least, most) in zip(outcome.ledger.gaps, fault.gaps, strict=True):
        assert least <= gap <= most + slack


@every_fault
def test_requests(fault: Fault, drive: Drive, met: Find) -> None:
    """Each request carries the texts, one Authorization header and no cookie; nothing went elsewhere."""
    outcome, _ = met(fault, drive)
    for request in outcome.ledger.requests:
        assert (request.method, request.path.partition("?")[0]) == ("POST", "/api/v1/embeddings")
        assert not request.body or request.json["input"] == fault.call_arguments()["input"]
        assert request.all("authorization") == [fault.authorization]
        assert request.all("cookie") == []
    assert outcome.elsewhere.dialled == 0


@faults(lambda fault: fault.wanted)
def test_pickle(fault: Fault, drive: Drive, met: Find) -> None:
    """An error survives the way to another process."""
    error = met(fault, drive)[0].error
    assert isinstance(error, errors.OpenRouterError)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))
    assert {name: getattr(again, name) for name in TOLD} == {name: getattr(error, name) for name in TOLD}


@every_fault
def test_secrets(fault: Fault, drive: Drive, met: Find) -> None:
    """The key is nowhere; texts and vectors are in no log."""
    outcome, watch = met(fault, drive)
    places = list(hiding_places(outcome.error)) if outcome.error is not None else []
    places += [("log", text) for text in watch.records.texts] + [("warning", text) for text in watch.warnings]
    for secret in fault.secrets:
        assert {place for place, text in places if secret in text} == set()
    vectors = fault.vectors(fault.texts)
    private = [text[:40] for text in fault.texts if text]
    private += [in_base64(row)[:20] for row in vectors] + [repr(row[0]) for row in vectors if row[0]]
    assert [text for text in watch.records.texts if any(words in text for words in private)] == []


@every_fault
def test_leaks(fault: Fault, drive: Drive, met: Find) -> None:
    """No socket, thread, task or warning is left behind."""
    outcome, watch = met(fault, drive)
    assert watch.leaks == []
    assert outcome.tasks_left == []


@faults(lambda fault: (fault.attempts or fault.n) <= 1 and not fault.default_policy)
def test_warnings(fault: Fault, drive: Drive, met: Find) -> None:
    """It warns where the table says so, and where nothing was tried again, nowhere else."""
    _, watch = met(fault, drive)
    assert len(watch.warnings + watch.records.warnings) == fault.warnings, watch.warnings + watch.records.warnings


@faults(lambda fault: fault.peak_mb)
def test_memory(fault: Fault, drive: Drive, met: Find) -> None:
    """A hostile answer takes no more memory than the table allows."""
    assert fault.peak_mb is not None
    assert met(fault, drive)[0].peak_bytes <= fault.peak_mb * 1e6


def named(error: Exception | None) -> type | None:
    """The class that users know; the network library's own names may be mixed in under it."""
    return next((cls for cls in type(error).__mro__ if getattr(errors, cls.__name__, None) is cls), None)


@every_fault
def test_both_sides_agree(fault: Fault, met: Find) -> None:
    """Whatever the side, the same thing happened."""
    first, *others = (met(fault, side)[0] for side in DRIVES)
    for other in others:
        assert named(other.error) is named(first.error)
        if not isinstance(first.error, errors.NoResponseError):  # those quote the network library
            assert re.sub(r"\d+", "#", str(other.error)) == re.sub(r"\d+", "#", str(first.error))
        assert len(other.ledger.requests) == len(first.ledger.requests)
        assert other.ledger.billed == first.ledger.billed


NEEDS_OUR_CONNECTIONS = {
    "certificate that the user trusts",
    "every reused connection ends",
    "stale keep-alive",
    "header of 1 MiB",
    "drip of headers",
    "413 unread, closed",
}


@faults(lambda fault: not fault.default_policy and fault.name not in NEEDS_OUR_CONNECTIONS)
@pytest.mark.parametrize("own", OWN, ids=lambda drive: drive.name)
def test_callers_own_client(fault: Fault, own: Drive, met: Find) -> None:
    """The same error or the same vectors, asked and paid as often."""
    outcome, watch = met(fault, own)
    if fault.wanted is None:
        assert outcome.error is None, "".join(traceback.format_exception(outcome.error))
        for value in outcome.values:
            assert own.vectors(value) == fault.vectors(fault.texts)
    else:
        assert fault.wanted in type(outcome.error).__mro__[:2], repr(outcome.error)
    assert len(outcome.ledger.requests) == fault.n
    assert outcome.ledger.billed == [len(fault.texts)] * fault.b
    assert outcome.elsewhere.dialled == 0
    assert watch.leaks == []


def test_table_is_whole() -> None:
    """Every row has a scenario, here or among the lifetimes; a scenario is found by its name."""
    elsewhere = {43}  # a job over many texts: tests/test_embeddings.py
    assert {fault.row for fault in FAULTS} | lifetimes.ROWS | elsewhere == set(range(1, 47))
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
