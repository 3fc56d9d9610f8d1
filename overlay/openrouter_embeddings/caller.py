"""Runs calls: combines a client's settings, retry policy and HTTP clients, and drives the flow of `call`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Self, TypeVar

import attrs
from openrouter_generated.types import CallOptions, Operation

from .config import Config
from .contract import CREATE_BATCH
from .errors import ClosedClientError
from .messages import TIMEOUTS, BodyConsumer, CallFlow, Response, Sleep, Timeouts
from .network import CancelScope, HttpClients
from .retries import ONE_CALL, Policy, RetryBudget, policy_from
from .telemetry import Hook

if TYPE_CHECKING:
    from .request import PreparedCall

T = TypeVar("T")


@cache
def _modules() -> tuple[Any, Any]:
    """Import the modules that a call needs; deferred, so that creating a client is fast."""
    from . import call, request

    return call, request


@attrs.define(eq=False, repr=False, slots=False)
class Caller:
    """The interface between a client and its resources: each generated method calls `call` or `call_async`."""

    config: Config
    policy: Policy | None  # None: each call uses its own default policy
    http_clients: HttpClients
    debug: Callable[..., None] | None = None  # the `log` method of the caller's `debug_logger`
    hook: Hook | None = None
    learned: dict[Hashable, Any] = attrs.field(factory=dict)  # model limits; variants of a client share them
    budget: RetryBudget = attrs.field(factory=RetryBudget)
    is_variant: bool = False
    is_closed: bool = False

    def call(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any:
        """Make one call in the current thread."""
        return self.run(self.call_flow(operation, arguments, options))

    async def call_async(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any:
        """Make one call on the running event loop."""
        return await self.arun(self.call_flow(operation, arguments, options))

    def call_flow(
        self,
        operation: Operation,
        arguments: Mapping[str, Any],
        options: CallOptions,
        *,
        policy: Policy = ONE_CALL,
        timeouts: Timeouts = TIMEOUTS,
        read: Callable[[Response, PreparedCall], Any] | None = None,
        consumer: Callable[[], BodyConsumer] | None = None,
        job_waits: bool = False,
    ) -> CallFlow:
        """Validate the arguments and return the flow of the call, not started. `policy` and `timeouts` are defaults.

        `read` converts the response to the result; by default, to the documented type. `consumer` creates the object
        that receives the body of a successful response. `job_waits` as in `call.call_flow`.
        """
        call, request = _modules()
        if self.closed:
            raise ClosedClientError
        chosen, key = self.policy_for(options.retries, policy), self.config.current_key
        if operation.id == CREATE_BATCH:  # it has no idempotency key: a second request could create and bill it twice
            chosen = attrs.evolve(chosen, possibly_billed_retries=0)
        if chosen.official is None and chosen.total_seconds:  # the caller's total limits the default timeouts
            timeouts = timeouts.within(chosen.total_seconds)
        prepared: PreparedCall = request.prepare(operation, arguments, options, self.config, timeouts, consumer)
        if self.config.api_key is None and prepared.needs_key:
            key()  # raises for a missing key before a connection is opened
        resources = {"key": key, "budget": self.budget, "debug": self.debug}
        flow: CallFlow = call.call_flow(prepared, chosen, read, **resources, job_waits=job_waits)
        return flow if self.hook is None else self.hook.observe(flow, prepared)

    def run(
        self, flow: CallFlow, sleep: Callable[[Sleep], None] | None = None, scope: CancelScope | None = None
    ) -> Any:
        """Drive a flow in the current thread."""
        return self.http_clients.run(flow, sleep, scope)

    async def arun(self, flow: CallFlow, sleep: Callable[[Sleep], Awaitable[None]] | None = None) -> Any:
        """Drive a flow on the running event loop."""
        return await self.http_clients.arun(flow, sleep)

    def open(self) -> None:
        """Import modules and open the client now: if several threads do it later, Ctrl-C can leave them deadlocked."""
        _modules()
        self.http_clients.sync_client()

    def policy_for(self, retries: Any, default: Policy) -> Policy:
        """Return the retry policy of a call: the call's own, else the client's, else `default`."""
        return policy_from(retries, self.policy or default)

    def learn(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value that jobs share under a key; the first job creates it with `make`."""
        found: T | None = self.learned.get(key)
        return self.learned.setdefault(key, make()) if found is None else found

    def variant(self, changes: Mapping[str, Any], policy: Policy | None) -> Self:
        """Return a caller with other settings that shares the HTTP clients."""
        return attrs.evolve(self, config=attrs.evolve(self.config, **changes), policy=policy, is_variant=True)

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
