"""One call as a script: what came back goes in, what is done about it comes out. No server, no clock."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import attrs
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.call import CallContext, steps
from openrouter_embeddings.config import Config
from openrouter_embeddings.errors import (
    AnswerTooLargeError,
    APIStatusError,
    BadGatewayResponseError,
    BadRequestResponseError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    DeadlineError,
    InternalServerResponseError,
    OpenRouterDefaultError,
    OpenRouterError,
    PaymentRequiredResponseError,
    ResponseValidationError,
    ServiceUnavailableResponseError,
    TooManyRequestsResponseError,
    UnauthorizedResponseError,
)
from openrouter_embeddings.messages import Failure, Headers, Request, Response, Send, Sleep, Timeouts
from openrouter_embeddings.redaction import MASK, Secret
from openrouter_embeddings.request.prepare import Call, prepare
from openrouter_embeddings.retries import BackoffStrategy, FailureKind, Policy, RetryBudget, RetryConfig, policy_from
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.types import CallOptions

KEY = "sk-or-v1-" + "0123456789abcdef" * 4
BASE = "https://openrouter.ai/api/v1"
URL = f"{BASE}/embeddings"

Outcome = Response | Failure
Moment = tuple[float, Outcome]  # how many seconds it took, and what came


def reply(status: int = 200, body: Any = None, /, **headers: str) -> Response:
    """An answer; header names are written with underscores."""
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return Response(status, Headers((name.replace("_", "-"), value) for name, value in headers.items()), content)


def good(count: int = 1) -> Response:
    rows = [{"object": "embedding", "index": i, "embedding": [0.5, i]} for i in range(count)]
    return reply(200, {"object": "list", "model": "m", "data": rows}, x_generation_id="gen-1")


def error(status: int, message: str = "no", **headers: str) -> Response:
    return reply(status, {"error": {"code": status, "message": message}}, **headers)


def lost(**more: bool) -> Failure:
    return Failure(ConnectionLostError("torn"), sent=True, **more)


def refused() -> Failure:
    return Failure(ConnectError("refused"), sent=False)


def call(**options: Any) -> Call:
    arguments = {"input": ["a text"], "model": "m"}
    return prepare(GENERATE, arguments, CallOptions(**options), Config(base_url=BASE), Timeouts())


class StatedLimits(NamedTuple):
    """What came of a script: the steps taken, the answer or the error, and the world after it."""

    steps: list[Send | Sleep]
    answer: Any
    error: OpenRouterError | None
    world: CallContext

    @property
    def requests(self) -> list[Request]:
        return [step.request for step in self.steps if isinstance(step, Send)]

    @property
    def pauses(self) -> list[Sleep]:
        return [step for step in self.steps if isinstance(step, Sleep)]

    @property
    def shape(self) -> str:
        """The steps as a line: `send 0.5 send`."""
        return " ".join("send" if isinstance(step, Send) else f"{step.seconds:g}" for step in self.steps)


def play(
    script: Iterable[Outcome | Moment],
    policy: Policy = Policy(),  # noqa: B008
    *,
    asked: Call | None = None,
    key: Callable[[], Secret] = lambda: Secret(KEY),
    budget: RetryBudget | None = None,
    debug: Callable[..., None] | None = None,
    uniform: Callable[[float, float], float] = lambda low, high: high,
) -> StatedLimits:
    """Drive a call with a script. Time passes only by the script, by pauses, and by a thousandth at each look."""
    now = 1_000.0

    def clock() -> float:
        nonlocal now
        now += 1e-6  # as a real clock: no two looks are the same
        return now

    world = CallContext(key, budget or RetryBudget(), clock, lambda: 784_111_777.0, uniform, debug)
    running, outcomes, taken = steps(asked or call(), policy, world), iter(script), []
    answer, failure, outcome = None, None, None
    try:
        while True:
            step = running.send(outcome)
            taken.append(step)
            outcome = None
            if isinstance(step, Send):
                following = next(outcomes)
                seconds, outcome = following if isinstance(following, tuple) else (0.0, following)
                now += seconds
            else:
                now += step.seconds
    except StopIteration as done:
        answer = done.value
    except OpenRouterError as raised:
        failure = raised
    assert next(outcomes, None) is None, "the whole script was played"
    return StatedLimits(taken, answer, failure, world)


# ---- again, or not --------------------------------------------------------------------------------------------


class Script(NamedTuple):
    """What comes back, what is done, and what it ends in: an error's class, or None, and its counts."""

    name: str
    script: Sequence[Outcome | Moment]
    shape: str
    error: type[OpenRouterError] | None
    attempts: int
    billed: int = 0
    retry_after: float | None = None
    policy: Policy = Policy()


BAD_GZIP = Failure(ConnectionLostError("bad gzip"), sent=True)
HTML = reply(200, b"<html>", content_type="text/html")
INNER_502, INNER_429, INNER_402 = (
    reply(200, {"error": {"code": code, "message": "late"}}) for code in (502, "429", 402)
)
RETRYABLE = {"message": "no", "availability": {"retryable": True}}
TOO_LARGE = Failure(AnswerTooLargeError("64 MB"), sent=True, final=True)
SLOW = Failure(DeadlineError("slow"), sent=True)
OFFICIAL = policy_from(RetryConfig("backoff", BackoffStrategy(500, 1_000, 2, 3_000, 0), True), Policy())
SCRIPTS = [
    Script("good at once", [good()], "send", None, 1),
    Script("good after 429", [error(429), good()], "send 1 send", None, 2),
    Script("429 for ever", [error(429)] * 4, "send 1 send 2 send 4 send", TooManyRequestsResponseError, 4),
    Script("503 for ever", [error(503)] * 4, "send 1 send 2 send 4 send", ServiceUnavailableResponseError, 4),
    Script("refused for ever", [refused()] * 4, "send 0.5 send 1 send 2 send", ConnectError, 4),
    Script("500 once", [error(500), good()], "send 0.5 send", None, 2, 1),
    Script("500 for ever", [error(500)] * 2, "send 0.5 send", InternalServerResponseError, 2, 2),
    Script("torn once", [lost(), good()], "send 0.5 send", None, 2, 1),
    Script("torn for ever", [lost()] * 2, "send 0.5 send", ConnectionLostError, 2, 2),
    Script("bad gzip, then torn", [BAD_GZIP, lost()], "send 0.5 send", ConnectionLostError, 2, 2),
    Script("slow for ever", [SLOW] * 2, "send 0.5 send", DeadlineError, 2, 2),
    Script("502, 429, then good", [error(502), error(429), good()], "send 0.5 send 2 send", None, 3, 1),
    Script("429, 500, 503, 500", [error(429), error(500), error(503), error(500)],
           "send 1 send 1 send 4 send", InternalServerResponseError, 4, 2),
    Script("408 to be retried", [reply(408, {"error": RETRYABLE})] * 2 + [good()], "send 0.5 send 1 send", None, 3),
    Script("400", [error(400)], "send", BadRequestResponseError, 1),
    Script("401", [error(401)], "send", UnauthorizedResponseError, 1),
    Script("418", [error(418)], "send", OpenRouterDefaultError, 1),
    Script("too large", [TOO_LARGE], "send", AnswerTooLargeError, 1, 1),
    Script("three for one", [good(3)], "send", ResponseValidationError, 1, 1),
    Script("no content", [reply(204, b"")], "send", ResponseValidationError, 1, 1),
    Script("HTML for ever", [HTML] * 2, "send 0.5 send", ResponseValidationError, 2, 2),
    Script("HTML, then wrong", [HTML, good(2)], "send 0.5 send", ResponseValidationError, 2, 2),
    Script("502 in a 200", [INNER_502] * 2, "send 0.5 send", BadGatewayResponseError, 2, 2),
    Script("429 in a 200", [INNER_429, good()], "send 1 send", None, 2),
    Script("402 in a 200", [INNER_402], "send", PaymentRequiredResponseError, 1),
    Script("x-should-retry: false", [error(503, x_should_retry="false")], "send", ServiceUnavailableResponseError, 1),
    Script("x-should-retry: true", [error(400, x_should_retry="true"), good()], "send 0.5 send", None, 2),
    Script("x-should-retry: true for ever", [error(400, x_should_retry="true")] * 2,
           "send 0.5 send", BadRequestResponseError, 2),
    Script("told", [error(429, retry_after="7"), good()], "send 7.7 send", None, 2),
    Script("told in ms", [error(503, retry_after_ms="250"), good()], "send 0.275 send", None, 2),
    Script("told a date", [error(429, retry_after="Sun, 06 Nov 1994 08:49:47 GMT"), good()], "send 11 send", None, 2),
    Script("told by availability", [reply(503, {"error": {**RETRYABLE, "availability": {"retry_after": 10}}}), good()],
           "send 11 send", None, 2),
    Script("told nonsense", [error(429, retry_after="soon"), good()], "send 1 send", None, 2),
    Script("told a day", [error(429, retry_after="86400")], "send", TooManyRequestsResponseError, 1, 0, 86_400.0),
    Script("told at the end", [error(429)] * 3 + [error(429, retry_after="7")],
           "send 1 send 2 send 4 send", TooManyRequestsResponseError, 4, 0, 7.0),
    Script("slow, past the total", [(59.0, error(503))] * 2, "send 1 send", ServiceUnavailableResponseError, 2),
    Script("stale, then good", [lost(stale=True), good()], "send 0 send", None, 2, 1),
    Script("stale, then torn for ever", [lost(stale=True), lost(), lost()],
           "send 0 send 0.5 send", ConnectionLostError, 3, 3),
    Script("stale for ever", [lost(stale=True)] * 3, "send 0 send 0.5 send", ConnectionLostError, 3, 3),
    Script("no retry", [error(503)], "send", ServiceUnavailableResponseError, 1, policy=Policy(attempts=1)),
    Script("official", [error(500), error(500), lost(), error(500)], "send 0.5 send 1 send 1 send",
           InternalServerResponseError, 4, 4, policy=OFFICIAL),
]  # fmt: skip


@pytest.mark.parametrize("case", SCRIPTS, ids=lambda case: case.name)
def test_script_ends_as_the_policy_says(case: Script) -> None:
    told = play(case.script, case.policy)

    assert told.shape == case.shape
    if case.error is None:
        assert told.error is None
        found = (told.answer.http_meta.attempts, told.answer.http_meta.possibly_billed_attempts)
    else:
        assert type(told.error) is case.error
        assert told.error.retry_after == case.retry_after
        found = (told.error.attempts, told.error.possibly_billed_attempts)
    assert found == (case.attempts, case.billed)


def test_server_that_asks_to_wait_speaks_to_everybody() -> None:
    asked = [error(429), error(400, retry_after="1", x_should_retry="true"), refused(), good()]

    assert [pause.shared for pause in play(asked).pauses] == [True, True, False]


def test_every_attempt_sends_the_same() -> None:
    first, second = play([error(503), good()]).requests

    assert attrs.evolve(second, timeouts=first.timeouts) == first
    assert (first.method, first.url, json.loads(first.body or b"")) == (
        "POST",
        URL,
        {"input": ["a text"], "model": "m"},
    )


def test_answer_tells_how_it_came() -> None:
    told = play([(0.25, error(500)), (0.5, good())])
    meta = told.answer.http_meta

    assert told.answer.data[0].embedding == [0.5, 0]
    assert (meta.status_code, meta.generation_id, meta.url) == (200, "gen-1", URL)
    assert meta.headers == {"x-generation-id": "gen-1"}
    assert meta.elapsed_seconds == pytest.approx(0.25 + 0.5 + 0.5, abs=1e-3)


def test_answer_that_has_no_place_for_it_is_left_alone() -> None:
    told = [*play_with(lambda reply, call: 42, [good()])]

    assert told == [42]


def play_with(read: Callable[[Response, Call], Any], script: Sequence[Outcome]) -> Iterable[Any]:
    """A call that reads its answer in another way."""
    running = steps(
        call(), Policy(), CallContext(lambda: Secret(KEY), RetryBudget(), lambda: 0.0, lambda: 0.0, max), read
    )
    next(running)
    try:
        for outcome in script:
            running.send(outcome)
    except StopIteration as done:
        yield done.value


# ---- the budget -----------------------------------------------------------------------------------------------


def test_empty_budget_ends_retrying_and_success_refills_it() -> None:
    budget = RetryBudget()

    calls = [play([error(500), error(500)], budget=budget).shape for _ in range(10)]
    assert calls == ["send 0.5 send"] * 10
    assert play([error(503)], budget=budget).shape == "send"
    for _ in range(2):
        play([good()], budget=budget)
    assert play([error(500), good()], budget=budget).shape == "send 0.5 send"


def test_stale_connection_draws_on_no_budget() -> None:
    budget = RetryBudget()
    for _ in range(20):
        budget.take(FailureKind.NOT_PROCESSED)

    assert play([lost(stale=True), error(503)], budget=budget).shape == "send 0 send"


def test_official_configuration_knows_no_budget() -> None:
    budget = RetryBudget()
    forever = policy_from(RetryConfig("backoff", BackoffStrategy(1, 1, 1, 3_600_000, 0), True), Policy())

    told = play([error(500)] * 50 + [good()], forever, budget=budget)

    assert told.answer.http_meta.attempts == 51


# ---- deadlines ------------------------------------------------------------------------------------------------


class Left(NamedTuple):
    """How long attempts took, the policy's total and the call's timeout, and the deadline of each attempt."""

    name: str
    took: list[float]
    total: float | None
    timeout_ms: int | None
    deadlines: list[float]


LEFT = [
    Left("whole at first", [0.0], 120.0, None, [120.0]),
    Left("cut to what is left", [100.0, 0.0], 120.0, None, [120.0, 19.0]),
    Left("cut again", [50.0, 50.0, 0.0], 120.0, None, [120.0, 69.0, 17.0]),
    Left("short ones stay", [1.0, 1.0, 0.0], 120.0, 5_000, [5.0, 5.0, 5.0]),
    Left("without a total", [1_000.0, 0.0], None, None, [120.0, 120.0]),
    Left("longer than the total, as asked", [0.0], 120.0, 300_000, [300.0]),
    Left("longer than the total, once", [10.0, 0.0], 120.0, 300_000, [300.0, 109.0]),
]


@pytest.mark.parametrize("case", LEFT, ids=lambda case: case.name)
def test_deadline_of_an_attempt_is_cut_to_what_is_left_of_the_call(case: Left) -> None:
    outcomes = [error(503)] * (len(case.took) - 1) + [good()]
    told = play(
        list(zip(case.took, outcomes, strict=True)),
        Policy(total_seconds=case.total),
        asked=call(timeout_ms=case.timeout_ms),
    )

    found = [request.timeouts.attempt_seconds for request in told.requests]
    assert found == pytest.approx(case.deadlines, abs=1e-3)


def test_first_attempt_has_its_time_even_where_no_retry_has_any() -> None:
    config = RetryConfig("backoff", BackoffStrategy(1, 1, 1, 0, 0), True)

    told = play([error(503)], policy_from(config, Policy()))

    assert [request.timeouts.attempt_seconds for request in told.requests] == [120.0]


def test_redirect_takes_from_the_attempts_time() -> None:
    told = play([(100.0, redirect("/v2")), (100.0, redirect("/v3")), good()])

    found = [request.timeouts.attempt_seconds for request in told.requests]
    assert found == pytest.approx([120.0, 20.0, 0.001], abs=1e-4)


def test_client_that_cannot_be_opened_is_told_as_it_is() -> None:
    told = play([Failure(ConfigurationError("the HTTP client cannot be opened"), sent=False)])

    assert isinstance(told.error, ConfigurationError)
    assert (told.shape, told.error.attempts) == ("send", 0)


def test_key_that_a_server_puts_into_a_redirect_is_masked_in_the_url(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "openrouter"):
        told = play([redirect(f"/v2?key={KEY}"), attrs.evolve(good(), headers=Headers([("x-generation-id", KEY)]))])

    assert (told.answer.http_meta.url, told.answer.http_meta.generation_id) == (f"{ROOT}/v2?key={MASK}", MASK)
    assert KEY not in caplog.text


def test_attempt_begun_at_the_very_end_has_a_deadline_that_is_none() -> None:
    told = play([(119.999, lost(stale=True)), good()], Policy())

    assert [round(request.timeouts.attempt_seconds, 3) for request in told.requests] == [120.0, 0.001]


# ---- the key --------------------------------------------------------------------------------------------------


def test_callable_key_is_asked_at_each_attempt() -> None:
    keys = iter(["sk-first", "sk-second", "sk-third"])
    told = play([error(429), error(503), good()], key=lambda: Secret(next(keys)))

    sent = [value.reveal() for request in told.requests for name, value in request.headers if isinstance(value, Secret)]
    assert sent == ["Bearer sk-first", "Bearer sk-second", "Bearer sk-third"]


def test_key_that_is_gone_at_a_retry_ends_the_call_and_the_counts_are_told() -> None:
    keys = iter([Secret(KEY)])

    def asked() -> Secret:
        for key in keys:
            return key
        raise ConfigurationError("no API key")

    told = play([error(500)], key=asked)

    assert told.shape == "send 0.5"
    assert isinstance(told.error, ConfigurationError)
    assert (told.error.attempts, told.error.possibly_billed_attempts) == (1, 1)


ECHO = {"error": {"code": 401, "message": f"bad key {KEY}", "metadata": {"raw": f"Bearer {KEY}"}}}
LONG = {"error": {"code": 400, "message": "x" * 960 + KEY}}
ECHOES: list[tuple[str, Outcome]] = [
    ("in the message and beside it", reply(401, ECHO, x_echo=f"Bearer {KEY}", set_cookie=KEY)),
    ("in HTML", reply(403, f"<html>{KEY} {KEY}".encode(), content_type="text/html")),
    ("in 200 KB of nothing else", reply(400, f"{KEY} ".encode() * 2_700)),
    ("across the end of the message", reply(400, LONG)),
    ("across the end of what is quoted", reply(400, b"x" * 170 + KEY.encode())),
    ("across the end of what is quoted of a location", reply(307, b"", location=f"https://h/{'x' * 170}{KEY}")),
    ("across the end of a content type", reply(200, b"<", content_type="text/" + "x" * 50 + KEY)),
    ("in a location", reply(307, b"", location=f"https://evil/{KEY}")),
    ("in a content type", reply(400, b"<", content_type=KEY)),
    ("in an answer that is none", reply(200, f'["{KEY}"]'.encode())),
    ("as the name of a number that is none", reply(200, f'{{"{KEY}": NaN}}'.encode())),
    ("as an embedding", reply(200, {"data": [{"embedding": KEY}]})),
    ("as an index", reply(200, {"data": [{"embedding": [1], "index": KEY}]})),
    ("in an error inside a 200", reply(200, {"error": {"code": 402, "message": KEY}})),
    ("in an error without a code inside a 200", reply(200, {"error": {"message": "x" * 960 + KEY}})),
    ("in what the connection says", Failure(ConnectError(f"no {KEY}"), sent=False, final=True)),
]


@pytest.mark.parametrize("outcome", [outcome for _, outcome in ECHOES], ids=[name for name, _ in ECHOES])
def test_key_that_a_server_echoes_is_nowhere_in_the_error(outcome: Outcome) -> None:
    policy = Policy(attempts=1)
    told = play([outcome], policy)
    assert told.error is not None

    shown = places(told.error)
    assert [name for name, text in shown.items() if KEY[:20] in text] == []
    if isinstance(told.error, APIStatusError) and KEY[-20:] in str(outcome):
        assert MASK in repr(shown)


def places(found: OpenRouterError) -> dict[str, str]:
    """Everywhere a key could hide in an error."""
    reply = found.raw_response
    locals_left = [
        (value, bytes(value.content) if isinstance(value, Response) else b"")
        for frame, _ in traceback.walk_tb(found.__traceback__)
        for value in frame.f_locals.values()
        if frame.f_code.co_filename != __file__  # whose locals are the script itself
    ]
    return {
        "str": str(found),
        "repr": repr(found),
        "args": repr(found.args),
        "body": repr(found.body),
        "headers": repr(found.headers),
        "reply": repr((reply.content, reply.headers, reply.text)) if reply else "",
        "data": repr(found.data.to_dict()) if found.data else "",
        "chain": repr((found.__cause__, found.__context__)),
        "pickle": pickle.dumps(found).decode("latin-1"),
        "locals": repr(locals_left),
    }


def test_key_that_a_server_echoes_in_a_good_answers_headers_is_masked() -> None:
    answer = play([attrs.evolve(good(), headers=Headers([("x-echo", f"Bearer {KEY}")]))]).answer

    assert answer.http_meta.headers == {"x-echo": MASK}


def test_error_ends_in_one_line_of_1000_characters_whatever_it_was_made_of() -> None:
    for outcome in (
        reply(200, {"error": {"message": "\x1b[31m" + "x" * 5_000}}),
        reply(200, b'{"\\u001b[31m' + b"x" * 5_000 + b'": NaN}'),
        reply(200, b"\x1b]" * 5_000),
        reply(400, b"\x1b\r\n" * 5_000, content_type="\x1b\n" * 5_000),
        reply(302, b"", location="\x1b\n" * 5_000),
    ):
        told = play([outcome], Policy(attempts=1))
        assert told.error is not None
        assert told.error.message.isprintable()
        assert 0 < len(told.error.message) <= errors.MESSAGE_CHARS
        assert told.error.args[0] == told.error.message == str(told.error)


def test_body_of_an_error_is_kept_to_64_kib_and_its_model_is_made_from_that() -> None:
    told = play([error(400, "x" * 100_000)])
    assert isinstance(told.error, BadRequestResponseError)
    assert told.error.body is not None
    assert told.error.raw_response is not None

    assert len(told.error.raw_response.content) == len(told.error.body) == 64 * 1024
    assert told.error.message == "x" * 999 + "…"


def test_error_model_is_the_bodys() -> None:
    told = play([reply(404, {"error": {"code": 404, "message": "gone", "availability": {"code": "no_endpoints"}}})])
    assert told.error is not None
    assert told.error.data is not None

    assert told.error.data.error.availability.code == "no_endpoints"


def test_error_keeps_nothing_of_the_attempt_it_came_from() -> None:
    told = play([error(401)])
    assert told.error is not None

    frames = traceback.extract_tb(told.error.__traceback__)
    assert (told.error.__cause__, told.error.__context__) == (None, None)
    assert {frame.name for frame in frames} == {"play", "steps"}


# ---- redirects ------------------------------------------------------------------------------------------------


def redirect(location: str | None, status: int = 307) -> Response:
    return reply(status, b"", **({} if location is None else {"location": location}))


class Followed(NamedTuple):
    """Replies, the URLs asked, and the error, None where it ends well."""

    name: str
    script: Sequence[Outcome]
    urls: list[str]
    message: str | None = None
    status: int = 307


def stays(location: str, status: int = 307) -> str:
    return f"{status}: the redirect to {location} was not followed: requests stay on their origin"


ROOT = "https://openrouter.ai"
FOLLOWED = [
    Followed("absolute", [redirect(f"{ROOT}/v2"), good()], [URL, f"{ROOT}/v2"]),
    Followed("308", [redirect(f"{ROOT}/v2", 308), good()], [URL, f"{ROOT}/v2"]),
    Followed("relative", [redirect("/v2/e?a=b"), good()], [URL, f"{ROOT}/v2/e?a=b"]),
    Followed("beside", [redirect("other"), good()], [URL, f"{BASE}/other"]),
    Followed("port written out", [redirect(f"{ROOT}:443/v2"), good()], [URL, f"{ROOT}:443/v2"]),
    Followed("three", [redirect("/1"), redirect("/2"), redirect("/3"), good()], [URL, *(f"{ROOT}/{i}" for i in "123")]),
    Followed("four", [redirect(f"/{i}") for i in "1234"], [URL, *(f"{ROOT}/{i}" for i in "123")], stays("/4")),
    Followed("itself", [redirect(URL), good()], [URL, URL]),
    Followed("itself, for ever", [redirect(URL)] * 4, [URL] * 4, stays(URL)),
    Followed("an empty location", [redirect("")], [URL], stays("")),
    Followed("no location", [redirect(None)], [URL], stays("(no location)")),
    Followed("another host", [redirect("https://evil.com/")], [URL], stays("https://evil.com/")),
    Followed("a host that begins so", [redirect(f"{ROOT}.evil.com/")], [URL], stays(f"{ROOT}.evil.com/")),
    Followed("a login", [redirect("https://openrouter.ai@evil.com/")], [URL], stays("https://openrouter.ai@evil.com/")),
    Followed("no scheme", [redirect("//evil.com/")], [URL], stays("//evil.com/")),
    Followed("plain http", [redirect("http://openrouter.ai/")], [URL], stays("http://openrouter.ai/")),
    Followed("another port", [redirect(f"{ROOT}:8443/")], [URL], stays(f"{ROOT}:8443/")),
    Followed("a file", [redirect("file:///etc/passwd")], [URL], stays("file:///etc/passwd")),
    Followed("no URL", [redirect("http://[x")], [URL], stays("http://[x")),
    Followed("no port", [redirect(f"{ROOT}:port/")], [URL], stays(f"{ROOT}:port/")),
    Followed("302", [redirect("/v2", 302)], [URL], stays("/v2", 302), 302),
    Followed("303", [redirect("/v2", 303)], [URL], stays("/v2", 303), 303),
    Followed("then refused", [redirect("/v2"), error(400)], [URL, f"{ROOT}/v2"], "no", 400),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=lambda case: case.name)
def test_redirect_is_followed_on_its_origin_and_nowhere_else(case: Followed) -> None:
    told = play(case.script)

    assert [request.url for request in told.requests] == case.urls
    assert len({request.body for request in told.requests}) == 1
    if case.message is None:
        assert told.answer.http_meta.url == case.urls[-1]
        assert told.answer.http_meta.attempts == 1, "a redirect is no attempt of its own"
    else:
        assert told.error is not None
        assert (told.error.message, told.error.status_code, told.error.attempts) == (case.message, case.status, 1)


def test_retry_begins_where_the_call_began() -> None:
    told = play([redirect("/v2"), error(503), good()])

    assert [request.url for request in told.requests] == [URL, f"{ROOT}/v2", URL]


def test_connection_lost_after_a_redirect_is_an_attempt_lost() -> None:
    told = play([redirect("/v2"), lost(), good()])

    assert told.shape == "send send 0.5 send"
    assert told.answer.http_meta.attempts == 2


# ---- what is logged -------------------------------------------------------------------------------------------


def test_log_tells_requests_outcomes_and_retries_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    with caplog.at_level(logging.DEBUG, "openrouter"):
        play([(0.25, error(503, KEY)), (1.0, lost()), (0.125, good())], debug=lambda message: told.append(message))

    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert lines == [
        ("DEBUG", f"POST {URL}"),
        ("DEBUG", "503 after 0.250 s"),
        ("WARNING", "attempt 1: ServiceUnavailableResponseError; trying again in 1.00 s"),
        ("DEBUG", f"POST {URL}"),
        ("DEBUG", "ConnectionLostError after 1.000 s"),
        ("WARNING", "attempt 2: ConnectionLostError; trying again in 1.00 s"),
        ("DEBUG", f"POST {URL}"),
        ("DEBUG", "200 after 0.125 s"),
    ]
    assert {record.name for record in caplog.records} == {"openrouter"}
    assert KEY not in caplog.text
    assert told == [line for _, line in lines]


def test_neither_texts_nor_vectors_are_logged_even_where_the_server_repeats_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cut = reply(200, b'{"data": [{"embedding": [0.123456, 0.654321')
    script = [error(503, "cannot embed a text"), error(429, "not a text again"), cut, good()]

    with caplog.at_level(logging.DEBUG, "openrouter"):
        play(script)

    assert [word for word in ("a text", "0.123456", 'embedding"') if word in caplog.text] == []


def test_log_of_a_call_that_ends_well_at_once_is_silent_above_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "openrouter"):
        play([good()])

    assert caplog.records == []


# ---- steps left alone -----------------------------------------------------------------------------------------


def test_call_that_is_given_up_at_any_step_ends_there() -> None:
    for script in ([], [error(503)], [error(503), None, error(503)]):
        running = steps(call(), Policy(), play([good()]).world)
        step = next(running)
        for outcome in script:
            step = running.send(outcome)
        assert isinstance(step, Send | Sleep)
        running.close()
        with pytest.raises(StopIteration):
            next(running)


def test_error_that_is_not_of_the_family_is_not_caught() -> None:
    def broken(reply: Response, asked: Call) -> Any:
        raise KeyError("a fault of ours")

    with pytest.raises(KeyError):
        list(play_with(broken, [good()]))
