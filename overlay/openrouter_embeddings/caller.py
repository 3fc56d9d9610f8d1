"""Makes calls: joins a client's settings, retry policy and HTTP clients with the call flow."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Self

import attrs
from openrouter_generated.types import CallOptions, Operation, Unset

from . import config as settings
from .contract import CREATE_BATCH
from .errors import ClosedClientError
from .messages import TIMEOUTS, BodyConsumer, CallFlow, Response, Sleep, Timeouts
from .retries import ONE_CALL, FailureKind, Policy, RetryBudget, policy_from
from .telemetry import Event, Hook

if TYPE_CHECKING:
    from .network import CancelScope, HttpClients
    from .request import PreparedCall


class Caller:
    """The part of a client that its resources use: every generated method ends in `call` or `call_async`."""

    def __init__(
        self,
        config: settings.Config,
        policy: Policy | None,
        http_clients: HttpClients,
        debug: Callable[..., None] | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self.config, self.policy, self.http_clients = config, policy, http_clients
        self._debug = debug
        self.hook = None if on_event is None else Hook(on_event)
        self._is_variant = self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._budget = RetryBudget()
        self.learned: dict[Hashable, Any] = {}
        """What jobs have learned about models; a client and its variants share it."""

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
        """A call whose arguments are validated and that is not sent yet.

        Args:
            policy, timeouts: the defaults if neither the call nor the client sets them.
            read: turns the response into the result; None: the operation's documented type.
            consumer: makes the object that receives the body of a successful response.

        Raises:
            InvalidInputError, ConfigurationError, ClosedClientError: nothing was sent.
        """
        from .call import CallContext, call_flow
        from .request import prepare
        from .response import validate

        self.check_open()
        chosen = self.policy_for(options.retries, policy)
        if operation.id == CREATE_BATCH:  # it may exist: without an idempotency key, sending it again could pay twice
            chosen = attrs.evolve(chosen, possibly_billed_retries=0)
        if chosen.official is None and chosen.total_seconds:  # no default exceeds what the caller says
            seconds = min(timeouts.attempt_seconds, chosen.total_seconds)
            timeouts = attrs.evolve(timeouts, attempt_seconds=seconds)
        prepared = prepare(operation, arguments, options, self.config, timeouts, consumer)
        if prepared.needs_key and not callable(self.config.api_key):
            self.config.current_key()  # a missing key is an error before a connection is opened
        context = CallContext(
            key=self.config.current_key,
            budget=self._budget,
            clock=time.monotonic,
            uniform=random.uniform,
            debug=self._debug,
        )
        flow = call_flow(prepared, chosen, context, read or validate)
        return flow if self.hook is None else self.hook.observe(flow, prepared)

    def run(
        self, flow: CallFlow, sleep: Callable[[Sleep], None] | None = None, scope: CancelScope | None = None
    ) -> Any:
        """Drive a call with this thread."""
        from .network import run

        return run(flow, self.http_clients.sync_client(), sleep, scope)

    async def arun(self, flow: CallFlow, sleep: Callable[[Sleep], Awaitable[None]] | None = None) -> Any:
        """Drive a call on the running event loop."""
        from .network import arun

        return await arun(flow, await self.http_clients.async_client(), sleep)

    def policy_for(self, retries: Any, default: Policy) -> Policy:
        """The policy of a call: what the call says, else what the client says, else `default`."""
        if isinstance(retries, Unset):
            return self.policy or default
        return policy_from(retries, self.policy or default)

    def may_retry_billed(self) -> bool:
        """Take the cost of one more retry that may be billed from the retry budget, if there is enough left."""
        return self._budget.take(FailureKind.MAYBE_PROCESSED)

    def base_url(self, server_url: str | None) -> str:
        """The base URL of a call."""
        if server_url is None:
            return self.config.base_url
        return settings.base_url(server_url, allow_http=self.config.allow_http)

    def variant(self, changes: Mapping[str, Any], policy: Policy | None) -> Self:
        """A caller with other settings on the same HTTP clients."""
        other = type(self).__new__(type(self))
        vars(other).update(vars(self), config=attrs.evolve(self.config, **changes), policy=policy, _is_variant=True)
        return other

    @property
    def closed(self) -> bool:
        """Whether the client, or the one that owns its HTTP clients, was closed."""
        return self._closed or self.http_clients.closed

    def check_open(self) -> None:
        """Raises ClosedClientError: it is closed."""
        if self.closed:
            raise ClosedClientError("this client is closed; make a new OpenRouter(...)")

    def close(self) -> None:
        self._closed = True
        if not self._is_variant:
            self.http_clients.close()

    async def aclose(self) -> None:
        self._closed = True
        if not self._is_variant:
            await self.http_clients.aclose()

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name not in ("_budget", "learned")}
        return {**state, "_is_variant": False}  # a copy in another process has its own connections

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._reset()
