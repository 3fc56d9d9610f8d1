"""Every row of the fault table in every mode, and the assertions that hold for all rows."""

from __future__ import annotations

import pickle
import re
import traceback
from collections.abc import Callable

import pytest
from openrouter_embeddings import errors

from . import test_lifetimes as lifetimes
from .conftest import Observed
from .expected import to_base64
from .fault import SLACK_SECONDS, Fault, Outcome
from .leaks import Watch, exposed_texts
from .modes import MODES, OWN_CLIENT_MODES, Mode
from .table import CONNECTIONS, FAULTS, REDIRECTS, SIZES

Observe = Callable[[Fault, Mode], Observed]


def faults(condition: Callable[[Fault], object]) -> pytest.MarkDecorator:
    """Parametrize a test by the rows for which the condition holds."""
    return pytest.mark.parametrize("fault", [fault for fault in FAULTS if condition(fault)], ids=lambda fault: fault.id)


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


def assert_outcome(fault: Fault, mode: Mode, outcome: Outcome) -> None:
    """Compare the vectors or the error, and the numbers of requests and of billed requests, with the row."""
    if fault.error_class is None:
        assert outcome.error is None, "".join(traceback.format_exception(outcome.error))
        for value in outcome.values:
            assert mode.vectors(value) == fault.vectors(fault.texts)
    else:
        assert fault.error_class in type(outcome.error).__mro__[:2], repr(outcome.error)
    assert len(outcome.ledger.requests) == fault.requests
    assert outcome.ledger.billed == [len(fault.texts)] * fault.computed
    assert outcome.elsewhere.connection_count == 0


def assert_time_and_memory(fault: Fault, outcome: Outcome) -> None:
    """Check the duration, each wait and the peak of memory."""
    assert outcome.seconds <= fault.within_seconds
    if fault.gaps:
        for gap, wait, (least, most) in zip(outcome.ledger.gaps, outcome.waits, fault.gaps, strict=True):
            assert wait <= most
            assert least <= gap <= wait + SLACK_SECONDS
    if fault.peak_mb is not None:
        assert outcome.peak_bytes <= fault.peak_mb * 1e6
    if fault.check is not None:
        fault.check(outcome)


def assert_counts_and_message(fault: Fault, outcome: Outcome) -> None:
    """The counts of attempts equal those of the server; the message is short and printable."""
    attempts = fault.requests if fault.attempts is None else fault.attempts
    if outcome.error is None:
        meta = outcome.values[-1].http_meta
        assert fault.calls > 1 or meta.attempts == attempts
        assert fault.calls > 1 or meta.possibly_billed_attempts == fault.computed - 1 + fault.maybe_billed
        return
    assert isinstance(outcome.error, errors.OpenRouterError)
    assert outcome.error.attempts == attempts
    assert outcome.error.possibly_billed_attempts == fault.computed + fault.maybe_billed
    assert 0 < len(outcome.error.message) <= 1_000
    assert outcome.error.message.isprintable()
    assert [part for part in fault.message if part not in str(outcome.error)] == []


def assert_requests(fault: Fault, outcome: Outcome) -> None:
    """Each request contains the texts, one Authorization header and no cookie."""
    for request in outcome.ledger.requests:
        assert (request.method, request.path.partition("?")[0]) == ("POST", "/api/v1/embeddings")
        assert not request.body or request.json["input"] == fault.call_arguments()["input"]
        assert request.all("authorization") == [fault.authorization]
        assert request.all("cookie") == []


def assert_pickles(error: Exception | None) -> None:
    """A pickled error keeps its class, arguments and attributes."""
    if error is not None:
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), copy.args, str(copy)) == (type(error), error.args, str(error))
        assert {name: getattr(copy, name) for name in ATTRIBUTES} == {name: getattr(error, name) for name in ATTRIBUTES}


def assert_nothing_is_disclosed(fault: Fault, outcome: Outcome, watch: Watch) -> None:
    """The key is in no error, log or warning; texts and vectors are in no log."""
    places = list(exposed_texts(outcome.error)) if outcome.error is not None else []
    places += [("log", text) for text in watch.records.texts] + [("warning", text) for text in watch.warnings]
    for secret in fault.secrets:
        assert {place for place, text in places if secret in text} == set()
    vectors = fault.vectors(fault.texts)
    private = [text[:40] for text in fault.texts if text]
    private += [to_base64(row)[:20] for row in vectors] + [repr(row[0]) for row in vectors if row[0]]
    assert [text for text in watch.records.texts if any(part in text for part in private)] == []


def assert_no_leaks_or_extra_warnings(fault: Fault, outcome: Outcome, watch: Watch) -> None:
    """No socket, thread or task is left open; calls without a retry warn as often as the row says."""
    assert watch.leaks == []
    assert outcome.tasks_left == []
    if (fault.attempts or fault.requests) <= 1 and not fault.default_policy:
        assert len(watch.warnings + watch.records.warnings) == fault.warnings, watch.warnings + watch.records.warnings


@every_fault
def test_fault(fault: Fault, mode: Mode, observe: Observe) -> None:
    """Run a row in a mode and check its outcome."""
    outcome, watch = observe(fault, mode)
    assert_outcome(fault, mode, outcome)
    assert_time_and_memory(fault, outcome)
    assert_counts_and_message(fault, outcome)
    assert_requests(fault, outcome)
    assert_pickles(outcome.error)
    assert_nothing_is_disclosed(fault, outcome, watch)
    assert_no_leaks_or_extra_warnings(fault, outcome, watch)


def public_class(error: Exception | None) -> type | None:
    """Return the documented class of an error; the actual class may also derive from a class of httpx."""
    return next((cls for cls in type(error).__mro__ if getattr(errors, cls.__name__, None) is cls), None)


@faults(lambda fault: fault.error_class)
def test_sync_and_async_raise_the_same_error(fault: Fault, observe: Observe) -> None:
    """Both modes raise the same class with the same message."""
    first, *others = (observe(fault, side)[0].error for side in MODES)
    for other in others:
        assert public_class(other) is public_class(first)
        if not isinstance(first, errors.NoResponseError):  # these messages quote the network library
            assert re.sub(r"\d+", "#", str(other)) == re.sub(r"\d+", "#", str(first))


NEEDS_OUR_CONNECTIONS = {
    "certificate that the caller trusts",
    "every reused connection ends",
    "stale keep-alive",
    "header of 1 MiB",
    "headers byte by byte",
    "413 unread, closed",
    *(fault.name for fault in CONNECTIONS if fault.socks),  # httpcore leaves the connection to the proxy open
}
ON_THE_WIRE = [*CONNECTIONS, *REDIRECTS, *SIZES]


@faults(lambda f: f in ON_THE_WIRE and not f.default_policy and f.name not in NEEDS_OUR_CONNECTIONS)
@pytest.mark.parametrize("own", OWN_CLIENT_MODES, ids=lambda mode: mode.name)
def test_outcome_with_a_client_of_the_caller(fault: Fault, own: Mode, observe: Observe) -> None:
    """The outcome is the same with the caller's own HTTP client, in all rows that depend on the HTTP client."""
    outcome, watch = observe(fault, own)
    assert_outcome(fault, own, outcome)
    assert watch.leaks == []


def test_table_is_complete() -> None:
    """Every row number has a test, and the ids of the rows are unique."""
    elsewhere = {43}  # jobs over many texts: tests/embed/test_embed.py
    assert {fault.row for fault in FAULTS} | lifetimes.ROWS | elsewhere == set(range(1, 47))
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
