"""Makes calls: joins a client's settings, retry policy and HTTP clients with the call flow."""

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
from .network import CancelScope, HttpClients, arun, run
from .retries import ONE_CALL, Policy, RetryBudget, policy_from
from .telemetry import Hook

if TYPE_CHECKING:
    from .request import PreparedCall

T = TypeVar("T")


@cache
def _modules() -> tuple[Any, Any]:
    """What a call needs, imported at the first one: `OpenRouter(...)` alone is to be quick."""
    from . import call, request

    return call, request


@attrs.define(eq=False, repr=False, slots=False)
class Caller:
    """The part of a client that its resources use: every generated method ends in `call` or `call_async`."""

    config: Config
    policy: Policy | None  # None: that of the call
    http_clients: HttpClients
    debug: Callable[..., None] | None = None  # of a `debug_logger`
    hook: Hook | None = None
    learned: dict[Hashable, Any] = attrs.field(factory=dict)  # by jobs, about models; variants of a client share it
    budget: RetryBudget = attrs.field(factory=RetryBudget)
    is_variant: bool = False
    is_closed: bool = False

    def call(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any:
        """Make one call with this thread."""
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
    ) -> CallFlow:
        """A call whose arguments are validated, and that is not sent yet. `policy` and `timeouts` are the defaults.

        `read` turns the response into the result, by default of the documented type. `consumer` makes the object that
        receives the body of a successful response.
        """
        call, request = _modules()
        self.check_open()
        chosen, key = self.policy_for(options.retries, policy), self.config.current_key
        if operation.id == CREATE_BATCH:  # it may exist: without an idempotency key, sending it again could pay twice
            chosen = attrs.evolve(chosen, possibly_billed_retries=0)
        if chosen.official is None and chosen.total_seconds:  # no default exceeds what the caller says
            timeouts = timeouts.within(chosen.total_seconds)
        prepared: PreparedCall = request.prepare(operation, arguments, options, self.config, timeouts, consumer)
        if self.config.api_key is None and prepared.needs_key:
            key()  # a missing key is an error before a connection is opened
        flow: CallFlow = call.call_flow(prepared, chosen, read, key=key, budget=self.budget, debug=self.debug)
        return flow if self.hook is None else self.hook.observe(flow, prepared)

    def run(
        self, flow: CallFlow, sleep: Callable[[Sleep], None] | None = None, scope: CancelScope | None = None
    ) -> Any:
        """Drive a call with this thread."""
        return run(flow, self.http_clients.sync_client(), sleep, scope)

    async def arun(self, flow: CallFlow, sleep: Callable[[Sleep], Awaitable[None]] | None = None) -> Any:
        """Drive a call on the running event loop."""
        return await arun(flow, await self.http_clients.async_client(), sleep)

    def open(self) -> None:
        """Import and open what calls need: threads that do so at once may wait for ever after Ctrl-C."""
        _modules()
        self.http_clients.sync_client()

    def policy_for(self, retries: Any, default: Policy) -> Policy:
        """The policy of a call: what the call says, else what the client says, else `default`."""
        return policy_from(retries, self.policy or default)

    def learn(self, key: Hashable, make: Callable[[], T]) -> T:
        """What jobs have learned under a key: at first, what `make` returns."""
        found: T | None = self.learned.get(key)
        return self.learned.setdefault(key, make()) if found is None else found

    def may_retry_billed(self) -> bool:
        """Take the cost of one more retry that may be billed from the retry budget, if there is enough left."""
        return self.budget.take(maybe_billed=True)

    def base_url(self, server_url: str | None) -> str:
        """The base URL of a call."""
        return self.config.url(server_url)

    def variant(self, changes: Mapping[str, Any], policy: Policy | None) -> Self:
        """A caller with other settings on the same HTTP clients."""
        return attrs.evolve(self, config=attrs.evolve(self.config, **changes), policy=policy, is_variant=True)

    @property
    def closed(self) -> bool:
        """Whether the client, or the one that owns its HTTP clients, was closed."""
        return self.is_closed or self.http_clients.closed

    def check_open(self) -> None:
        """Raises ClosedClientError: it is closed."""
        if self.closed:
            raise ClosedClientError("this client is closed; make a new OpenRouter(...)")

    def close(self) -> None:
        self.is_closed = True
        if not self.is_variant:
            self.http_clients.close()

    async def aclose(self) -> None:
        self.is_closed = True
        if not self.is_variant:
            await self.http_clients.aclose()

    def __getstate__(self) -> dict[str, Any]:
        # A copy in another process has its own connections, and learns for itself.
        return {**vars(self), "learned": {}, "is_variant": False}
