"""The Batch API of the embedded server. Batches stay in memory, and are processed when their duration has passed."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import attrs

from ..defaults import BATCH_API_MAX_REQUESTS
from .catalog import BATCH_VARIANT, PRICE_PER_TOKEN_USD, Catalog
from .errors import ApiError

EndStatus = Literal["completed", "failed", "expired", "cancelled"]
ENDPOINT = "/v1/embeddings"
_NOT_IN_BATCHES = ("input_type", "provider")
# The fractions of a batch's duration at which it is listed and reaches each status.
_LISTED, _STEPS = 0.1, ((1.0, ""), (0.9, "finalizing"), (0.25, "in_progress"), (0.0, "validating"))


@attrs.define(eq=False)
class _Batch:
    """One batch. `lines` has the results after its end."""

    fields: Mapping[str, Any]
    end: EndStatus
    id: str = attrs.field(factory=lambda: f"batch-{int(time.time())}-{secrets.token_hex(10)}")
    created_at: float = attrs.field(factory=time.time)
    lines: list[dict[str, Any]] | None = None
    error: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


class BatchStore:
    """All batches of a server.

    Args:
        embed: returns the response to one request body, or raises ApiError; `check` raises if the body is malformed.
        seconds: duration of a batch.
        paged: whether results come in pages instead of inside the batch.
    """

    def __init__(
        self,
        catalog: Catalog,
        check: Callable[[Any], None],
        embed: Callable[[Any], dict[str, Any]],
        *,
        seconds: float,
        paged: bool,
    ) -> None:
        self._catalog, self._check, self._embed = catalog, check, embed
        self._seconds, self._paged = seconds, paged
        self._batches: dict[str, _Batch] = {}
        self._deleted: set[str] = set()
        self._lock = threading.RLock()

    def create(self, fields: Mapping[str, Any], end: EndStatus | None) -> dict[str, Any]:
        """Store a batch after validating its own fields. Its requests are validated when it is processed."""
        names, requests = list(fields), fields["requests"]
        if max(names.index("endpoint"), names.index("model")) > names.index("requests"):
            raise ApiError("endpoint and model must come before requests")
        if fields["endpoint"] != ENDPOINT:
            raise ApiError(f"endpoint: the embedded server accepts only batches for {ENDPOINT}")
        model = self._catalog.find(fields["model"].removesuffix(BATCH_VARIANT)).id
        if len(requests) > BATCH_API_MAX_REQUESTS:
            raise ApiError(f"requests: {len(requests):,} in one batch, not 1 to {BATCH_API_MAX_REQUESTS:,}")
        if len({request["custom_id"] for request in requests}) < len(requests):
            raise ApiError("requests: each custom_id must be unique in the batch", 422)
        if any(request["body"].get("model", fields["model"]) != fields["model"] for request in requests):
            raise ApiError("requests: the model of a body differs from the model of the batch")
        batch = _Batch({**fields, "base_model": model}, end or "completed")
        self._batches[batch.id] = batch
        return self._to_dict(batch)

    def list_batches(
        self,
        limit: int = 20,
        after: str | None = None,
        status: list[str] | None = None,
        created_after: int | None = None,
        created_before: int | None = None,
    ) -> dict[str, Any]:
        """Return one page of the listed batches, newest first."""
        shown = [self._to_dict(batch) for batch in reversed(list(self._batches.values())) if self._is_listed(batch)]
        if after is not None:
            ids = [batch["id"] for batch in shown]
            if after not in ids:
                raise ApiError("after: there is no such batch")
            shown = shown[ids.index(after) + 1 :]
        grouped = {"finalizing": "in_progress", "cancelling": "in_progress"}
        kept = [
            batch
            for batch in shown
            if (status is None or grouped.get(batch["status"], batch["status"]) in status)
            and (created_after is None or batch["created_at"] > created_after)
            and (created_before is None or batch["created_at"] < created_before)
        ]
        page, ids = kept[:limit], [batch["id"] for batch in kept[:limit]] or [None]
        more = len(kept) > limit
        return {"object": "list", "data": page, "first_id": ids[0], "last_id": ids[-1], "has_more": more}

    def get(self, id: str) -> dict[str, Any]:
        """Return a batch, with its results unless they come in pages."""
        batch = self._find(id)
        shown = self._to_dict(batch)
        return {**shown, "results": None if self._paged or not batch.lines else batch.lines}

    def results(self, id: str, limit: int = 100, cursor: str = "0") -> dict[str, Any]:
        """Return one page of the results of an ended batch."""
        batch = self._find(id)
        if not self._paged:
            raise ApiError("GET /batches/{id}/results: Not Found", 404, "not_found")
        if self._status(batch) not in ("completed", "failed", "expired", "cancelled"):
            raise ApiError("The batch has not ended")
        self._process(batch)
        lines = batch.lines or []
        if not cursor.isdecimal() or int(cursor) > len(lines):
            raise ApiError("cursor: there is no such page")
        start, end = int(cursor), int(cursor) + limit
        more = end < len(lines)
        return {
            "object": "list",
            "data": lines[start:end],
            "has_more": more,
            "next_cursor": str(end) if more else None,
        }

    def delete(self, id: str) -> dict[str, Any]:
        """Delete an ended batch."""
        batch = self._find(id)
        if self._status(batch) != batch.end:
            raise ApiError("The batch has not ended", 409)
        self._batches.pop(id, None)
        self._deleted.add(id)
        upstream = {"provider": "embedded-server", "status": "not_applicable"}
        return {"id": id, "object": "batch", "deletion": {"openrouter": "deleted", "upstream": upstream}}

    def _find(self, id: str) -> _Batch:
        if id in self._deleted:
            raise ApiError("The batch was deleted", 410, "not_found")
        batch = self._batches.get(id)
        if batch is None or not self._is_listed(batch):
            raise ApiError(f"No batch has the id {id[:100]}", 404, "not_found")
        return batch

    def _elapsed_share(self, batch: _Batch) -> float:
        """Return the fraction of a batch's duration that has passed."""
        return 1.0 if not self._seconds else (time.time() - batch.created_at) / self._seconds

    def _is_listed(self, batch: _Batch) -> bool:
        return self._elapsed_share(batch) >= _LISTED

    def _status(self, batch: _Batch) -> str:
        share = self._elapsed_share(batch)
        return next(status for start, status in _STEPS if share >= start) or batch.end

    def _to_dict(self, batch: _Batch) -> dict[str, Any]:
        """Return a batch without results, in the format of the API."""
        status, fields, total = self._status(batch), batch.fields, len(batch.fields["requests"])
        if status == batch.end:
            self._process(batch)
            status = batch.end
        lines = batch.lines or []
        failed = sum(line["error"] is not None for line in lines)
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": fields["endpoint"],
            "model": fields["model"],
            "completion_window": fields.get("completion_window", "24h"),
            "status": status,
            "created_at": int(batch.created_at),
            "finalized_at": int(batch.created_at + self._seconds) if status == batch.end else None,
            "expires_at": None,
            "provider": "embedded-server",
            "request_counts": {"total": total, "completed": len(lines) - failed, "failed": failed},
            "usage": batch.usage,
            "results": None,
            "error": batch.error,
        }

    def _process(self, batch: _Batch) -> None:
        """Process the requests of a batch, once. As in the API, one invalid request fails the batch."""
        with self._lock:
            if batch.lines is None:
                batch.lines = self._run_requests(batch)

    def _run_requests(self, batch: _Batch) -> list[dict[str, Any]]:
        """Return the results of a batch; set its usage, and its error if it failed."""
        lines: list[dict[str, Any]] = []
        tokens = 0
        requests = batch.fields["requests"] if batch.end in ("completed", "expired") else []
        bodies = [{**request["body"], "model": batch.fields["base_model"]} for request in requests]
        try:
            for request, body in zip(requests, bodies, strict=True):
                self._validate_body(request["custom_id"], body)
        except ApiError as error:
            batch.end, batch.error, requests = "failed", {"message": error.message}, []
        if batch.end == "failed" and batch.error is None:
            batch.error = {"message": "This failure was asked for"}
        if batch.end == "expired":
            requests = requests[: len(requests) // 2]
        for request, body in zip(requests, bodies, strict=False):
            line: dict[str, Any] = {"id": f"result-{secrets.token_hex(6)}", "custom_id": request["custom_id"]}
            try:
                found = self._embed(body)
            except ApiError as error:
                detail = {"type": "invalid_request_error", "message": error.message, "param": None}
                lines.append({**line, "response": None, "error": {**detail, "error_type": error.error_type}})
                continue
            usage = {name: found["usage"][name] for name in ("prompt_tokens", "total_tokens")}
            tokens += usage["total_tokens"]
            result = {"object": "list", "data": found["data"], "model": found["model"], "usage": usage}
            response = {"status_code": 200, "request_id": None, "body": result}
            lines.append({**line, "response": response, "error": None})
        if lines:
            batch.usage = _usage(tokens)
        random.Random(batch.id).shuffle(lines)
        return lines

    def _validate_body(self, custom_id: str, body: Mapping[str, Any]) -> None:
        """Raise an error if a request body is not allowed in a batch."""
        try:
            self._check(body)
            for name in _NOT_IN_BATCHES:
                if name in body:
                    raise ApiError(f"{name} is not allowed in a batch")
        except ApiError as error:
            raise ApiError(f"{custom_id}: {error.message}") from None


def _usage(tokens: int) -> dict[str, Any]:
    cost = float(tokens * PRICE_PER_TOKEN_USD / 2)
    details = {"upstream_inference_prompt_cost": cost, "upstream_inference_completions_cost": 0}
    counts = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    return {**counts, "cost": cost, "is_byok": False, "cost_details": details}
