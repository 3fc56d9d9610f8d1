"""One call without I/O: tables of outcomes with the expected requests, waits, and result or error."""

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
from openrouter_embeddings.caller import Caller
from openrouter_embeddings.config import Config
from openrouter_embeddings.errors import ConfigurationError, ConnectError, ConnectionLostError, Failure, OpenRouterError
from openrouter_embeddings.messages import Headers, Request, Response, Sleep, Timeouts
from openrouter_embeddings.network import HttpClients
from openrouter_embeddings.redaction import MASK, Secret
from openrouter_embeddings.response import read_embeddings, read_result
from openrouter_embeddings.retries import BackoffStrategy, Policy, RetryBudget, RetryConfig, policy_from
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from openrouter_generated.types import CallOptions, Operation

KEY = "sk-or-v1-" + "0123456789abcdef" * 4
ROOT = "https://openrouter.ai"
URL = f"{ROOT}/api/v1/embeddings"
Outcome = Response | Failure


def reply(status: int = 200, body: Any = None, /, **headers: str) -> Response:
    """A response; header names are written with underscores."""
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return Response(status, Headers((name.replace("_", "-"), value) for name, value in headers.items()), content)


def good(count: int = 1, **headers: str) -> Response:
    rows = [{"object": "embedding", "index": i, "embedding": [0.5, i]} for i in range(count)]
    return reply(200, {"object": "list", "model": "m", "data": rows}, **headers)


def error(status: int, message: str = "no", **headers: str) -> Response:
    return reply(status, {"error": {"code": status, "message": message}}, **headers)


def broken(**more: bool) -> Failure:
    return Failure(ConnectionLostError("broken"), maybe_processed=True, **more)


def refused() -> Failure:
    return Failure(ConnectError("refused"), maybe_processed=False)


def redirect(location: str | None, status: int = 307) -> Response:
    return reply(status, b"", **({} if location is None else {"location": location}))


class Played(NamedTuple):
    """The steps of a call, and its result or its error."""

    steps: list[Request | Sleep]
    result: Any
    error: Any

    @property
    def requests(self) -> list[Request]:
        return [step for step in self.steps if isinstance(step, Request)]

    @property
    def line(self) -> str:
        """The steps as text, such as `send 0.5 send`."""
        return " ".join("send" if isinstance(step, Request) else f"{step.seconds:g}" for step in self.steps)

    @property
    def counts(self) -> tuple[int, int]:
        holder = self.result.http_meta if self.error is None else self.error
        return holder.attempts, holder.possibly_billed_attempts


def play(
    script: Iterable[Outcome | tuple[float, Outcome]],
    policy: Policy = Policy(),  # noqa: B008
    *,
    key: Any = Secret(KEY),  # noqa: B008
    budget: RetryBudget | None = None,
    debug: Callable[..., None] | None = None,
    timeout_ms: int | None = None,
    called: Operation = GENERATE,
    root: str = ROOT,
    **more: Any,
) -> Played:
    """Drive a call. An outcome may have a duration in seconds; waits are the longest possible."""
    now = 1_000.0

    def clock() -> float:
        nonlocal now
        now += 1e-6
        return now

    config, options = Config(base_url=f"{root}/api/v1", api_key=key), CallOptions(timeout_ms=timeout_ms)
    http_clients, world = HttpClients(), {"budget": budget or RetryBudget(), "debug": debug}
    caller = Caller(config, policy, http_clients, clock=clock, uniform=max, **world)
    arguments = {"input": ["a text"], "model": "m"} if called is GENERATE else {}
    flow = caller.call_flow(called, arguments, options, **more)
    outcomes, steps, outcome = iter(script), [], None
    try:
        while True:
            step = flow.send(outcome)
            steps.append(step)
            outcome = None
            if isinstance(step, Request):
                following = next(outcomes)
                seconds, outcome = following if isinstance(following, tuple) else (0.0, following)
                now += seconds
            else:
                now += step.seconds
    except StopIteration as done:
        played = Played(steps, done.value, None)
    except OpenRouterError as raised:
        played = Played(steps, None, raised)
    assert next(outcomes, None) is None, "the script was not played to its end"
    return played


class Script(NamedTuple):
    """What happens, the steps, the class of the final error (None: a result), and its counts and wait."""

    outcomes: Sequence[Outcome | tuple[float, Outcome]]
    line: str
    error: type[OpenRouterError] | None
    attempts: int
    billed: int = 0
    retry_after: float | None = None
    policy: Policy = Policy()
    job_retries: bool = False


HTML = reply(200, b"<html>", content_type="text/html")
WITH_502, WITH_429, WITH_402 = (reply(200, {"error": {"code": code, "message": "no"}}) for code in (502, "429", 402))
RETRYABLE, ASKED = ({"error": {"message": "no", "availability": a}} for a in ({"retryable": True}, {"retry_after": 10}))
TOO_LARGE = Failure(errors.AnswerTooLargeError("64 MB"), maybe_processed=True, final=True)
OFFICIAL = policy_from(RetryConfig("backoff", BackoffStrategy(500, 1_000, 2, 2_000, 0), True), Policy())
LOST, INVALID = ConnectionLostError, errors.ResponseValidationError
OVERLOADED, FAILED = errors.ServiceUnavailableResponseError, errors.InternalServerResponseError
SCRIPTS = {
    "good": Script([good()], "send", None, 1),
    "429": Script([error(429)] * 4, "send 1 send 2 send 4 send", errors.TooManyRequestsResponseError, 4),
    "refused": Script([refused()] * 4, "send 0.5 send 1 send 2 send", ConnectError, 4),
    "500": Script([error(500)] * 2, "send 0.5 send", FAILED, 2, 2),
    "broken": Script([broken()] * 2, "send 0.5 send", LOST, 2, 2),
    "502, 429, good": Script([error(502), error(429), good()], "send 0.5 send 2 send", None, 3, 1),
    "retryable 408": Script([reply(408, RETRYABLE)] * 2 + [good()], "send 0.5 send 1 send", None, 3),
    "too large": Script([TOO_LARGE], "send", errors.AnswerTooLargeError, 1, 1),
    "three for one": Script([good(3)], "send", INVALID, 1, 1),
    "204": Script([reply(204, b"")], "send", INVALID, 1, 1),
    "HTML": Script([HTML] * 2, "send 0.5 send", INVALID, 2, 2),
    "HTML, two for one": Script([HTML, good(2)], "send 0.5 send", INVALID, 2, 2),
    "502 in a 200": Script([WITH_502] * 2, "send 0.5 send", errors.BadGatewayResponseError, 2, 2),
    "429 in a 200": Script([WITH_429, good()], "send 1 send", None, 2),
    "402 in a 200": Script([WITH_402], "send", errors.PaymentRequiredResponseError, 1),
    "server says no": Script([error(503, x_should_retry="false")], "send", OVERLOADED, 1),
    "server says yes": Script([error(400, x_should_retry="true"), good()], "send 0.5 send", None, 2),
    "Retry-After": Script([error(429, retry_after="7"), good()], "send 7.7 send", None, 2),
    "availability": Script([reply(503, ASKED), good()], "send 11 send", None, 2),
    "a day": Script([error(503, retry_after="86400")], "send", OVERLOADED, 1, 0, 86_400.0),
    "beyond the total": Script([(59.0, error(503))] * 2, "send 1 send", OVERLOADED, 2),
    "stale, good": Script([broken(stale=True), good()], "send 0 send", None, 2, 1),
    "stale": Script([broken(stale=True)] * 2, "send 0 send", LOST, 2, 2),
    "official": Script([error(500), broken(), error(500)], "send 0.5 send 1 send", FAILED, 3, 3, policy=OFFICIAL),
    # The call does not retry what was certainly not processed, because the job does.
    "job, 503": Script([error(503, retry_after="7")], "send", OVERLOADED, 1, 0, 7.0, job_retries=True),
    "job, refused": Script([refused()], "send", ConnectError, 1, job_retries=True),
    "job, broken": Script([broken(), good()], "send 0.5 send", None, 2, 1, job_retries=True),
    "job, server says yes": Script(
        [error(400, x_should_retry="true"), good()], "send 0.5 send", None, 2, job_retries=True
    ),
    "job, stale": Script([broken(stale=True), good()], "send 0 send", None, 2, 1, job_retries=True),
}  # fmt: skip


@pytest.mark.parametrize("case", SCRIPTS.values(), ids=SCRIPTS)
def test_script(case: Script) -> None:
    played = play(case.outcomes, case.policy, job_retries=case.job_retries)

    assert (played.line, played.counts) == (case.line, (case.attempts, case.billed))
    assert (played.error and type(played.error)) == case.error
    assert (played.error and played.error.retry_after) == case.retry_after
    assert len({attrs.evolve(request, timeouts=Timeouts()) for request in played.requests}) == 1


def test_metadata_of_a_result_has_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    found = good(x_generation_id="gen-1", x_echo=f"Bearer {KEY}")
    with caplog.at_level(logging.DEBUG, "openrouter"):
        played = play([(0.25, error(500)), redirect(f"/v2?key={KEY}"), (0.5, found)])
    meta = played.result.http_meta

    assert played.result.data[0].embedding == [0.5, 0]
    assert (meta.status_code, meta.generation_id, meta.url) == (200, "gen-1", f"{ROOT}/v2?key={MASK}")
    assert meta.headers == {"x-generation-id": "gen-1", "x-echo": MASK}
    assert meta.elapsed_seconds == pytest.approx(0.25 + 0.5 + 0.5, abs=1e-3)
    assert KEY not in caplog.text
    assert play([good()], read=lambda response, call: 42).result == 42


@pytest.mark.parametrize(("sent", "shown"), [(None, None), ("m", "m"), (f"m of {KEY}", f"m of {MASK}")])
def test_model_of_a_batch_has_no_secret(sent: str | None, shown: str | None) -> None:
    response = reply(200, {"data": [{"embedding": [0.5]}], "model": sent})

    assert play([response], read=read_embeddings).result.model == shown


def test_budget_limits_the_retries_of_all_calls() -> None:
    budget = RetryBudget()
    assert [play([error(500)] * 2, budget=budget).line for _ in range(10)] == ["send 0.5 send"] * 10
    assert play([error(503)], budget=budget).line == "send"
    for _ in range(2):
        play([good()], budget=budget)
    assert play([error(500), good()], budget=budget).line == "send 0.5 send"

    spent = RetryBudget()
    while spent.take(possibly_billed=False):
        pass
    assert play([broken(stale=True), error(503)], budget=spent).line == "send 0 send"
    hour = policy_from(RetryConfig("backoff", BackoffStrategy(1, 1, 1, 3_600_000, 0), True), Policy())
    assert play([error(500)] * 50 + [good()], hour, budget=spent).counts == (51, 50)


DEADLINES: list[tuple[list[tuple[float, Outcome]], float | None, int | None, list[float]]] = [
    # outcomes with their durations, the policy's total, timeout_ms, the deadline of each attempt
    ([(100.0, error(503)), (0.0, good())], 120.0, None, [120.0, 19.0]),
    ([(50.0, error(503)), (50.0, error(503)), (0.0, good())], 120.0, None, [120.0, 69.0, 17.0]),
    ([(1.0, error(503)), (0.0, good())], 120.0, 5_000, [5.0, 5.0]),
    ([(1_000.0, error(503)), (0.0, good())], None, None, [120.0, 120.0]),
    ([(10.0, error(503)), (0.0, good())], 120.0, 300_000, [300.0, 109.0]),  # the first may exceed the total
    ([(0.0, good())], 0.0, None, [120.0]),
    ([(100.0, redirect("/v2")), (100.0, redirect("/v3")), (0.0, good())], 120.0, None, [120.0, 20.0, 0.001]),
    ([(119.999, broken(stale=True)), (0.0, good())], 120.0, None, [120.0, 0.001]),
]


@pytest.mark.parametrize(("outcomes", "total", "timeout_ms", "deadlines"), DEADLINES, ids=range(len(DEADLINES)))
def test_deadline_of_an_attempt_ends_with_the_call(
    outcomes: list[tuple[float, Outcome]], total: float | None, timeout_ms: int | None, deadlines: list[float]
) -> None:
    played = play(outcomes, Policy(total_seconds=total), timeout_ms=timeout_ms)

    assert [request.timeouts.attempt_seconds for request in played.requests] == pytest.approx(deadlines, abs=1e-4)


@pytest.mark.parametrize(("outcomes", "counts"), [([good()], (1, 1)), ([error(503), good()], (2, 1))])
def test_interrupt_while_a_response_is_read_counts_it(outcomes: list[Outcome], counts: tuple[int, int]) -> None:
    calls = 0

    def read(response: Response, call: Any) -> Any:
        nonlocal calls
        calls += 1
        if response.status_code == 200:
            raise KeyboardInterrupt
        return read_result(response, call)

    with pytest.raises(KeyboardInterrupt) as caught:
        play(outcomes, read=read)

    assert calls == len(outcomes)
    assert (caught.value.attempts, caught.value.possibly_billed_attempts) == counts  # type: ignore[attr-defined]


def test_error_has_the_usage_of_rejected_responses() -> None:
    usage = {"prompt_tokens": 3, "total_tokens": 3}

    assert play([reply(200, {"data": [], "usage": usage})]).error.rejected_usages == [usage]
    assert play([error(400)]).error.rejected_usages == []


def test_call_without_a_key_needs_its_own_authorization() -> None:
    caller, arguments = Caller(Config(base_url=ROOT), None, HttpClients()), {"input": "a", "model": "m"}

    request = next(caller.call_flow(GENERATE, arguments, CallOptions(http_headers={"authorization": "Bearer own"})))
    assert dict(request.headers)["Authorization"] == Secret("Bearer own")
    with pytest.raises(ConfigurationError, match="no API key"):
        caller.call_flow(GENERATE, arguments, CallOptions())


def test_open_reports_a_wrong_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://h")

    with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
        Caller(Config(base_url=ROOT), None, HttpClients()).open()


def test_missing_key_at_a_retry_ends_the_call() -> None:
    keys = iter([KEY, None])
    played = play([error(500)], key=lambda: next(keys))

    assert (played.line, type(played.error), played.counts) == ("send 0.5", ConfigurationError, (1, 1))


ECHOED = {"error": {"code": 401, "message": f"bad key {KEY}", "metadata": {"raw": f"Bearer {KEY}"}}}
LONG = {"error": {"code": 400, "message": "x" * 960 + KEY}}
ECHOES: list[Outcome] = [
    reply(401, ECHOED, x_echo=f"Bearer {KEY}", set_cookie=KEY, x_generation_id=KEY),
    reply(403, f"<html>{KEY} {KEY}".encode(), content_type="text/html"),
    reply(400, f"{KEY} ".encode() * 2_700),
    reply(400, LONG),
    reply(400, b"x" * 170 + KEY.encode()),
    reply(307, b"", location=f"https://h/{'x' * 170}{KEY}"),
    reply(307, b"", location=f"https://evil/{KEY}"),
    reply(200, b"<", content_type="text/" + "x" * 50 + KEY),
    reply(400, b"<", content_type=KEY),
    reply(400, json.dumps({"error": {"message": KEY}}).replace("sk-or", "\\u0073k-or").encode()),
    reply(200, f'["{KEY}"]'.encode()),
    reply(200, f'{{"{KEY}": NaN}}'.encode()),
    reply(200, {"data": [{"embedding": KEY}]}),
    reply(200, {"data": [{"embedding": [1], "index": KEY}]}),
    reply(200, {"error": {"code": 402, "message": KEY}}),
    reply(200, {"error": {"message": "x" * 960 + KEY}}),
    Failure(ConnectError(f"no {KEY}"), maybe_processed=False, final=True),
]


@pytest.mark.parametrize("outcome", ECHOES, ids=range(len(ECHOES)))
def test_error_does_not_contain_a_key_that_the_server_echoes(outcome: Outcome) -> None:
    found = play([outcome], Policy(attempts=1)).error
    response = found.raw_response
    frames = [frame for frame, _ in traceback.walk_tb(found.__traceback__) if frame.f_code.co_filename != __file__]
    local_variables = [value for frame in frames for value in frame.f_locals.values()]
    shown = {
        "message": (str(found), repr(found), found.args),
        "response": (found.body, found.headers, found.generation_id, response and (response.content, response.headers)),
        "data": found.data and found.data.to_dict(),
        "chain": (found.__cause__, found.__context__),
        "pickle": pickle.dumps(found),
        "locals": [(value, value.content if isinstance(value, Response) else b"") for value in local_variables],
    }

    assert [name for name, value in shown.items() if KEY[:20] in repr(value)] == []


MESSY = [
    reply(200, {"error": {"message": "\x1b[31m" + "x" * 5_000}}),
    reply(200, b'{"\\u001b[31m' + b"x" * 5_000 + b'": NaN}'),
    reply(400, b"\x1b\r\n" * 50_000, content_type="\x1b\n" * 5_000),
    reply(302, b"", location="\x1b\n" * 5_000),
    error(400, "x" * 100_000),
    reply(500, b'{"error":' + b'{"message":' * 500 + b"1" + b"}" * 501),
    reply(200, b'{"error":' + b"[" * 900 + b"]" * 900 + b"}"),
]


@pytest.mark.parametrize("outcome", MESSY, ids=range(len(MESSY)))
def test_error_has_one_short_line_and_64_kib_of_the_body(outcome: Response) -> None:
    found = play([outcome], Policy(attempts=1)).error

    assert found.message.isprintable()
    assert 0 < len(found.message) <= errors.MESSAGE_CHARS
    assert str(found).startswith(found.args[0])
    assert found.args[0] == found.message
    assert len(found.raw_response.content) == len(found.body.encode()) == min(len(outcome.content), 64 << 10)


def test_error_has_the_model_of_its_body_and_nothing_of_the_attempt() -> None:
    body = {"error": {"code": 404, "message": "gone", "availability": {"code": "no_endpoints"}}}
    found = play([reply(404, body, x_generation_id="gen-1")]).error

    assert (found.data.to_dict(), found.generation_id, found.host) == (body, "gen-1", "openrouter.ai")
    assert (found.__cause__, found.__context__) == (None, None)
    assert len(traceback.extract_tb(found.__traceback__)) == 2  # the test's own frame, and that of the flow
    assert play([reply(200, {"data": []})]).error.data is None


FOLLOWED = [
    # outcomes, the URLs that are requested
    *(([redirect(location, status), good()], [URL, target]) for location, target, status in [
        (f"{ROOT}/v2", f"{ROOT}/v2", 307),
        (f"{ROOT}/v2", f"{ROOT}/v2", 308),
        ("/v2/e?a=b", f"{ROOT}/v2/e?a=b", 307),
        ("other", f"{ROOT}/api/v1/other", 307),
        (f"{ROOT}:443/v2", f"{ROOT}:443/v2", 307),
        (URL, URL, 307),
    ]),
    ([redirect("/1"), redirect("/2"), redirect("/3"), good()], [URL, *(f"{ROOT}/{i}" for i in "123")]),
]  # fmt: skip
NOT_FOLLOWED = [
    *(([redirect(location)], [URL]) for location in [
        "", None, "https://evil.com/", f"{ROOT}.evil.com/", "https://openrouter.ai@evil.com/", "//evil.com/",
        "http://openrouter.ai/", f"{ROOT}:8443/", "file:///etc/passwd", "http://[x", f"{ROOT}:port/",
    ]),
    *(([redirect("/v2", status)], [URL]) for status in (301, 302, 303)),
    ([redirect(f"/{i}") for i in "1234"], [URL, *(f"{ROOT}/{i}" for i in "123")]),
    ([redirect(URL)] * 4, [URL] * 4),
    ([redirect("/v2"), error(400)], [URL, f"{ROOT}/v2"]),
]  # fmt: skip


@pytest.mark.parametrize(("outcomes", "urls"), FOLLOWED + NOT_FOLLOWED, ids=lambda value: str(value)[-60:])
def test_redirect_is_followed_within_its_origin_only(outcomes: list[Response], urls: list[str]) -> None:
    played = play(outcomes)

    assert [request.url for request in played.requests] == urls
    assert len({(request.body, request.headers) for request in played.requests}) == 1
    assert played.counts == (1, 0)
    if played.error is None:
        assert played.result.http_meta.url == urls[-1]
    else:
        assert (outcomes, urls) in NOT_FOLLOWED
        assert played.error.status_code == outcomes[-1].status_code
        assert outcomes[-1].headers.get("location", "") in played.error.message


def test_retry_after_a_redirect_starts_at_the_original_url() -> None:
    for outcome in (error(503), broken()):
        played = play([redirect("/v2"), outcome, good()])
        assert [request.url for request in played.requests] == [URL, f"{ROOT}/v2", URL]
        assert played.counts[0] == 2


def test_redirect_to_the_default_port_of_http_is_followed() -> None:
    local = "http://127.0.0.1"
    played = play([redirect(f"{local}:80/v2"), redirect(f"{local}:81/v3")], root=local)

    assert [request.url for request in played.requests] == [f"{local}/api/v1/embeddings", f"{local}:80/v2"]


def test_log_names_the_operation_of_a_call_without_a_model(caplog: pytest.LogCaptureFixture) -> None:
    play([error(503), reply(200, {"data": []})], called=LIST_MODELS)

    assert "GET /embeddings/models at openrouter.ai: attempt 1: ServiceUnavailableResponseError" in caplog.text


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
@pytest.mark.parametrize("has_debug", [True, False])
def test_log(has_debug: bool, level: int, caplog: pytest.LogCaptureFixture) -> None:
    debug: list[str] = []
    cut = reply(200, b'{"data": [{"embedding": [0.123456, 0.654321')
    script = [(0.25, error(503, f"{KEY} cannot embed a text")), (1.0, cut), (0.125, good())]
    with caplog.at_level(level, "openrouter"):
        play(script, debug=debug.append if has_debug else None)

    request = ("DEBUG", f"POST {URL}")
    lines = [
        *(request, ("DEBUG", "503 after 0.250 s")),
        ("WARNING", "m at openrouter.ai: attempt 1: ServiceUnavailableResponseError; retrying in 1.00 s"),
        *(request, ("DEBUG", "200 after 1.000 s")),
        ("WARNING", "m at openrouter.ai: attempt 2: ResponseValidationError; retrying in 1.00 s"),
        *(request, ("DEBUG", "200 after 0.125 s")),
    ]
    logged = [line for line in lines if level == logging.DEBUG or line[0] == "WARNING"]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == logged
    assert debug == ([message for _, message in lines] if has_debug else [])
