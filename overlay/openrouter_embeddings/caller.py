"""Makes calls with a client's settings: validates arguments, sends requests, follows redirects, retries, reads results.

A call is a flow without I/O: a generator that yields a `Request` and receives a `Response` or a `Failure`; yields
`Sleep(seconds)` and receives None; and returns the result of the call or raises. `network` drives it, in a thread or on
an event loop.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Generator, Hashable, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

import attrs
from openrouter_generated.types import CallOptions, HttpMeta, Operation

from . import defaults
from .config import Config
from .contract import CREATE_BATCH
from .errors import (
    ClosedClientError,
    ConfigurationError,
    Counts,
    Failure,
    OpenRouterError,
    ResponseError,
    printable,
    read_counts,
    record_counts,
)
from .messages import TIMEOUTS, BodyConsumer, CallFlow, Request, Response, Sleep, Timeouts
from .network import HttpClients
from .redaction import Redactor
from .retries import ONE_CALL, CallState, Policy, RetryBudget, Uniform, decide, policy_from, response_failure
from .telemetry import Hook

if TYPE_CHECKING:
    from .request import PreparedCall

T = TypeVar("T")
_logger = logging.getLogger("openrouter")


@cache
def _modules() -> tuple[Any, Any]:
    """Import the modules that a call needs; deferred, so that creating a client is fast."""
    try:
        from . import request, response
    except OSError as error:
        raise ConfigurationError(f"the package cannot read its own files: {error.strerror}") from None
    return request, response


def _uniform(low: float, high: float) -> float:
    return random.uniform(low, high)  # a method, which a pickled `Caller` would copy with the generator's state


@attrs.define(eq=False, repr=False, slots=False)
class Caller:
    """Makes the calls of one client: each generated method calls `call` or `call_async`."""

    config: Config
    policy: Policy | None  # None: each call uses its own default policy
    http_clients: HttpClients
    debug: Callable[..., None] | None = None  # the `log` method of the caller's `debug_logger`
    hook: Hook | None = None
    learned: dict[Hashable, Any] = attrs.field(factory=dict)  # model limits; variants of a client share them
    budget: RetryBudget = attrs.field(factory=RetryBudget)
    clock: Callable[[], float] = time.monotonic
    uniform: Uniform = _uniform
    is_variant: bool = False  # made by `with_options`: it shares the HTTP clients, and does not close them
    is_closed: bool = False

    def call(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any:
        """Make one call in the current thread."""
        return self.http_clients.run(self.call_flow(operation, arguments, options))

    async def call_async(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any:
        """Make one call on the running event loop."""
        return await self.http_clients.arun(self.call_flow(operation, arguments, options))

    def call_flow(
        self,
        operation: Operation,
        arguments: Mapping[str, Any],
        options: CallOptions,
        *,
        policy: Policy = ONE_CALL,
        timeouts: Timeouts = TIMEOUTS,
        read: Callable[[Response, PreparedCall], Any] | None = None,
        consumer: Callable[..., BodyConsumer] | None = None,
        dimensions: int = 0,
        is_validated: bool = False,
        job_retries: bool = False,
    ) -> CallFlow:
        """Validate the arguments and return the flow of the call, not started. `policy` and `timeouts` are defaults.

        `read` converts the response to the result; by default, to the documented type. `consumer` creates the object
        that receives the body of a successful response. `dimensions` and `is_validated` as in `request.prepare`.
        `job_retries`: the call does not retry a request that the server did not process, but raises the error, and the
        job pauses all its requests.

        The flow raises OpenRouterError with its counts, such as `attempts`, set.
        """
        request, response = _modules()
        if self.is_closed or self.http_clients.closed:
            raise ClosedClientError
        chosen = policy_from(options.retries, self.policy or policy)
        if operation.id == CREATE_BATCH:  # it has no idempotency key: a second request could create and bill it twice
            chosen = attrs.evolve(chosen, possibly_billed_retries=0)
        if chosen._official is None and chosen.total_seconds:  # the caller's total limits the default timeouts
            timeouts = timeouts.within(chosen.total_seconds)
        prepared: PreparedCall = request.prepare(
            operation, arguments, options, self.config, timeouts, consumer, dimensions, is_validated=is_validated
        )
        if self.config.api_key is None and prepared.needs_key:
            self.config.current_key()  # raises for a missing key before a connection is opened
        flow = self._flow(prepared, chosen, read or response.read_result, job_retries)
        return flow if self.hook is None else self.hook.observe(flow, prepared)

    def _flow(self, call: PreparedCall, policy: Policy, read: Callable[..., Any], job_retries: bool) -> CallFlow:
        began, state = self.clock(), CallState()
        try:
            while True:
                timeouts = call.timeouts
                # A timeout above the policy's total was chosen on purpose, so the first attempt may use all of it.
                if state.attempts and policy.total_seconds is not None:
                    timeouts = timeouts.within(policy.total_seconds - (self.clock() - began))
                request = call.request(self.config.current_key, timeouts)
                state.attempts += 1
                state.is_sent = True
                request, outcome = yield from self._attempt(request)
                try:
                    if isinstance(outcome, Failure):
                        raise outcome.error
                    result = read(outcome, call)
                except OpenRouterError as error:
                    failure = outcome if isinstance(outcome, Failure) else response_failure(error)
                    state.rejected_usages += _reported_usage(outcome)
                else:
                    self.budget.give_back()
                    if hasattr(type(result), "http_meta"):
                        result.http_meta = _meta(call, request, outcome, state, self.clock() - began)
                    if isinstance(result, _modules()[1].EmbeddingBatch):
                        result.rejected_usages = state.rejected_usages
                        if result.model:  # logs and errors of jobs name it
                            result.model = request.redactor()(result.model)
                    return result
                del outcome  # a traceback with locals must not show a response that echoes the key
                state.is_sent = False
                state.possibly_billed += failure.maybe_processed
                state.elapsed_seconds = self.clock() - began
                step = self._sleep_or_error(call, request, policy, failure, state, job_retries)
                if isinstance(step, OpenRouterError):
                    raise step from None
                state.free_retries += step.free
                yield step
        except BaseException as error:
            # `network` counts an interrupted send; an interrupt while a response is decoded is counted here.
            billed = state.possibly_billed + read_counts(error, if_unknown=int(state.is_sent)).possibly_billed_attempts
            record_counts(error, Counts(state.attempts, billed, state.rejected_usages))
            raise

    def _attempt(self, request: Request) -> Generator[Request, Any, tuple[Request, Response | Failure]]:
        """Send a request, follow redirects within its time limit, and return the last request and its outcome."""
        began, timeouts = self.clock(), request.timeouts
        is_logged = self.debug is not None or _logger.isEnabledFor(logging.DEBUG)
        if is_logged:
            self._log(logging.DEBUG, "%s %s", request.method, request.redactor()(request.url))
        outcome = yield request
        for _ in range(defaults.MAX_REDIRECTS):
            if isinstance(outcome, Failure) or outcome.status_code not in (307, 308):
                break
            if (target := _redirect_target(request.url, outcome.headers.get("location"))) is None:
                break
            left = timeouts.within(timeouts.attempt_seconds - (self.clock() - began))
            request = attrs.evolve(request, url=target, timeouts=left)
            outcome = yield request
        if is_logged:
            status = outcome.status_code if isinstance(outcome, Response) else type(outcome.error).__name__
            self._log(logging.DEBUG, "%s after %.3f s", status, self.clock() - began)
        return request, outcome

    def _sleep_or_error(
        self,
        call: PreparedCall,
        request: Request,
        policy: Policy,
        failure: Failure,
        state: CallState,
        job_retries: bool,
    ) -> Sleep | OpenRouterError:
        """Return the wait before the next attempt, or the error to raise."""
        step, host = decide(policy, failure, state, self.uniform), urlsplit(call.url).hostname or ""
        if isinstance(step, Sleep) and not (step.free or policy._official):
            if job_retries and not (failure.maybe_processed or failure.final):
                failure.error._job_retries, step = True, ""
            elif not self.budget.take(possibly_billed=failure.maybe_processed):
                step = "the retry budget of the client"
        if isinstance(step, str):
            failure.error.limit, failure.error.host = step, host
            return _final_error(failure.error, request.redactor())
        subject = call.fields.get("model") or f"{call.operation.method} {call.operation.path}"
        # Log the name of the error only: the server's message may quote the texts.
        values = subject, host, state.attempts, step.reason, step.seconds
        self._log(logging.WARNING, "%.100s at %s: attempt %d: %s; retrying in %.2f s", *values)
        return step

    def _log(self, level: int, message: str, *values: Any) -> None:
        """Log to the logger `openrouter` and to the caller's `debug_logger`."""
        _logger.log(level, message, *values)
        if self.debug is not None:
            self.debug(message % values)

    def open(self) -> None:
        """Import modules and open the client now: if several threads do it later, Ctrl-C can leave them deadlocked."""
        _modules()
        self.http_clients.sync_clients()

    def policy_for(self, retries: Any, default: Policy) -> Policy:
        """Return the retry policy of a call: the call's own, else the client's, else `default`."""
        return policy_from(retries, self.policy or default)

    def learn(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value that jobs share under a key; the first job creates it with `make`."""
        found: T | None = self.learned.get(key)
        return self.learned.setdefault(key, make()) if found is None else found

    @property
    def closed(self) -> bool:
        """Whether this client, or the client that owns its HTTP clients, is closed."""
        return self.is_closed or self.http_clients.closed

    def close(self) -> None:
        self.is_closed = True
        if not self.is_variant:
            self.http_clients.close()

    async def aclose(self) -> None:
        self.is_closed = True
        if not self.is_variant:
            await self.http_clients.aclose()

    def __getstate__(self) -> dict[str, Any]:
        # An unpickled copy opens its own connections and learns the model limits anew.
        return {**vars(self), "learned": {}, "is_variant": False}


def _redirect_target(url: str, location: str | None) -> str | None:
    """Return the target of a redirect if it has the same origin as `url` (RFC 9110, 15.4.8; RFC 6454), else None."""
    with suppress(ValueError):
        target = urljoin(url, location)
        return target if location and _origin(target) == _origin(url) else None
    return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _reported_usage(outcome: Response | Failure) -> list[Any]:
    """Return the `usage` of a rejected response in a list, or an empty list."""
    usage = _modules()[1].reported_usage(outcome.content) if isinstance(outcome, Response) else None
    return [usage] if usage else []


def _final_error(error: OpenRouterError, redactor: Redactor) -> OpenRouterError:
    """Return the error to raise, without secrets and without the traceback of the attempt."""
    if isinstance(error, ResponseError) and error.raw_response is not None:
        reader, response = _modules()[1], error.raw_response.redacted(redactor, defaults.ERROR_BODY_BYTES)
        response, document = reader.redact_response(response, redactor)
        error._set_response(response)
        if error.data is not None:
            error.data = reader.error_data(document, error.status_code or response.status_code)
    error.message = redactor(printable(error.message))
    error.args = (error.message, *error.args[1:])
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _meta(call: PreparedCall, request: Request, response: Response, state: CallState, seconds: float) -> HttpMeta:
    """Return the metadata of a result. Secrets are masked: headers and redirect URLs may echo them."""
    redactor, counts = request.redactor(), (state.attempts, state.possibly_billed)
    headers = response.headers.redacted(redactor)
    url = call.url if request.url is call.url else redactor(request.url)
    return HttpMeta(response.status_code, headers, headers.get("x-generation-id"), *counts, seconds, url)
