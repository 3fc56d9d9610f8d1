"""The table of faults: every row from every side, and what holds for each of them."""

from __future__ import annotations

import pickle
import re
import traceback
from collections.abc import Callable

import pytest
from openrouter_embeddings import errors

from . import test_lifetimes as lifetimes
from .conftest import Observed
from .drives import DRIVES, OWN, Drive
from .fault import SLACK_SECONDS, Fault, Outcome
from .right import in_base64
from .table import CONNECTIONS, FAULTS, REDIRECTS, SIZES
from .witness import Watch, hiding_places

Observe = Callable[[Fault, Drive], Observed]


def faults(of: Callable[[Fault], object]) -> pytest.MarkDecorator:
    """Parametrize by the rows that a test says something about."""
    return pytest.mark.parametrize("fault", [fault for fault in FAULTS if of(fault)], ids=lambda fault: fault.id)


every_fault = faults(lambda fault: True)
ATTRIBUTES = (
    "message",
    "attempts",
    "possibly_billed_attempts",
    "retry_after",
    "generation_id",
    "status_code",
    "body",
    "data",
)


def assert_outcome(fault: Fault, drive: Drive, outcome: Outcome) -> None:
    """The right vectors, or the right error; as many requests and as many billed ones as the table says."""
    if fault.wanted is None:
        assert outcome.error is None, "".join(traceback.format_exception(outcome.error))
        for value in outcome.values:
            assert drive.vectors(value) == fault.vectors(fault.texts)
    else:
        assert fault.wanted in type(outcome.error).__mro__[:2], repr(outcome.error)
    assert len(outcome.ledger.requests) == fault.n
    assert outcome.ledger.billed == [len(fault.texts)] * fault.b
    assert outcome.elsewhere.dialled == 0


def assert_in_time(fault: Fault, outcome: Outcome) -> None:
    """The waits are those of the server or of the policy; a hostile answer takes little time and memory."""
    assert outcome.seconds <= fault.within_seconds
    if fault.gaps:
        for gap, (least, most) in zip(outcome.ledger.gaps, fault.gaps, strict=True):
            assert least <= gap <= most + SLACK_SECONDS
    if fault.peak_mb is not None:
        assert outcome.peak_bytes <= fault.peak_mb * 1e6
    if fault.check is not None:
        fault.check(outcome)


def assert_honest(fault: Fault, outcome: Outcome) -> None:
    """The counts of attempts are those of the server, and the message of an error is short and printable."""
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
    assert [words for words in fault.says if words not in str(outcome.error)] == []


def assert_requests(fault: Fault, outcome: Outcome) -> None:
    """Each request carries the texts, one Authorization header and no cookie."""
    for request in outcome.ledger.requests:
        assert (request.method, request.path.partition("?")[0]) == ("POST", "/api/v1/embeddings")
        assert not request.body or request.json["input"] == fault.call_arguments()["input"]
        assert request.all("authorization") == [fault.authorization]
        assert request.all("cookie") == []


def assert_pickles(error: Exception | None) -> None:
    """An error survives the way to another process."""
    if error is not None:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))
        assert {name: getattr(again, name) for name in ATTRIBUTES} == {
            name: getattr(error, name) for name in ATTRIBUTES
        }


def assert_secret(fault: Fault, outcome: Outcome, watch: Watch) -> None:
    """The key is nowhere; texts and vectors are in no log."""
    places = list(hiding_places(outcome.error)) if outcome.error is not None else []
    places += [("log", text) for text in watch.records.texts] + [("warning", text) for text in watch.warnings]
    for secret in fault.secrets:
        assert {place for place, text in places if secret in text} == set()
    vectors = fault.vectors(fault.texts)
    private = [text[:40] for text in fault.texts if text]
    private += [in_base64(row)[:20] for row in vectors] + [repr(row[0]) for row in vectors if row[0]]
    assert [text for text in watch.records.texts if any(words in text for words in private)] == []


def assert_leaves_nothing(fault: Fault, outcome: Outcome, watch: Watch) -> None:
    """No socket, thread or task is left; it warns where the table says so, and where nothing was tried again."""
    assert watch.leaks == []
    assert outcome.tasks_left == []
    if (fault.attempts or fault.n) <= 1 and not fault.default_policy:
        assert len(watch.warnings + watch.records.warnings) == fault.warnings, watch.warnings + watch.records.warnings


@every_fault
def test_fault(fault: Fault, drive: Drive, observe: Observe) -> None:
    """What holds for every row, from every side."""
    outcome, watch = observe(fault, drive)
    assert_outcome(fault, drive, outcome)
    assert_in_time(fault, outcome)
    assert_honest(fault, outcome)
    assert_requests(fault, outcome)
    assert_pickles(outcome.error)
    assert_secret(fault, outcome, watch)
    assert_leaves_nothing(fault, outcome, watch)


def named(error: Exception | None) -> type | None:
    """The class that users know; the network library's own names may be mixed in under it."""
    return next((cls for cls in type(error).__mro__ if getattr(errors, cls.__name__, None) is cls), None)


@faults(lambda fault: fault.wanted)
def test_both_sides_agree(fault: Fault, observe: Observe) -> None:
    """Whatever the side, the same error is raised with the same words."""
    first, *others = (observe(fault, side)[0].error for side in DRIVES)
    for other in others:
        assert named(other) is named(first)
        if not isinstance(first, errors.NoResponseError):  # those quote the network library
            assert re.sub(r"\d+", "#", str(other)) == re.sub(r"\d+", "#", str(first))


NEEDS_OUR_CONNECTIONS = {
    "certificate that the user trusts",
    "every reused connection ends",
    "stale keep-alive",
    "header of 1 MiB",
    "drip of headers",
    "413 unread, closed",
}
ON_THE_WIRE = [*CONNECTIONS, *REDIRECTS, *SIZES]


@faults(lambda f: f in ON_THE_WIRE and not f.default_policy and f.name not in NEEDS_OUR_CONNECTIONS)
@pytest.mark.parametrize("own", OWN, ids=lambda drive: drive.name)
def test_callers_own_client(fault: Fault, own: Drive, observe: Observe) -> None:
    """The same error or the same vectors, asked and paid as often: in the rows that depend on the HTTP client."""
    outcome, watch = observe(fault, own)
    assert_outcome(fault, own, outcome)
    assert watch.leaks == []


def test_table_is_whole() -> None:
    """Every row has a scenario, here or among the lifetimes; a scenario is found by its name."""
    elsewhere = {43}  # a job over many texts: tests/test_embeddings.py
    assert {fault.row for fault in FAULTS} | lifetimes.ROWS | elsewhere == set(range(1, 47))
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
