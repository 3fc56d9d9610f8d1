"""Defines `Embedder`: a model with its options as one picklable object, for frameworks, Ray and Spark."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from .arguments import guarded, unknown_argument
from .client import OpenRouter
from .embed import DEFAULTS, EmbedResult, Usage
from .errors import ConfigurationError

if TYPE_CHECKING:
    from .response import Matrix

DOCUMENT, QUERY = "search_document", "search_query"
_ARGUMENTS = ("client", "document_type", "query_type", "document_prefix", "query_prefix")
_OPTIONS = DEFAULTS.keys() - {"input_type", "prefix"}


class _Shared:
    """The client and usage that equal embedders of one process share, because frameworks copy embedders."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.client: OpenRouter | None = None
        self.dimensions: int | None = None
        self.usage = Usage()


_shared: weakref.WeakValueDictionary[Hashable, _Shared] = weakref.WeakValueDictionary()


class Embedder:
    """Embeds documents and queries with one model. Supports pickle, `==` and re-creation from `config()`.

    The first call in each process opens a client, so a pickled embedder has no connections. It is closed when no equal
    embedder is left, or at the end of the process. An embedder has no key either: each process reads
    `OPENROUTER_API_KEY`, or calls the function passed as `api_key`.

    Args:
        model: the model's id, such as "openai/text-embedding-3-small".
        client: arguments of `OpenRouter`. `api_key` must be a function that returns the key.
        document_type, query_type: `input_type` of documents and of queries; None omits it.
        document_prefix, query_prefix: text before each document or query, for models without `input_type`.
        options: further options of `embed`, such as `dimensions`, `provider` or `concurrency`.

    Raises:
        TypeError: an option is unknown.
        ConfigurationError: `client` contains the key itself.
    """

    @guarded
    def __init__(
        self,
        model: str,
        *,
        client: Mapping[str, Any] | None = None,
        document_type: str | None = DOCUMENT,
        query_type: str | None = QUERY,
        document_prefix: str = "",
        query_prefix: str = "",
        **options: Any,
    ) -> None:
        self.model, self.client_options, self.options = model, dict(client or {}), options
        self.document_type, self.query_type = document_type, query_type
        self.document_prefix, self.query_prefix = document_prefix, query_prefix
        key = self.client_options.get("api_key")
        if key is not None and not callable(key):
            raise ConfigurationError(
                "an Embedder is stored and sent to workers, so it must not contain the key: set "
                'OPENROUTER_API_KEY, or pass client={"api_key": a_function}'
            )
        for name in options.keys() - _OPTIONS:
            raise unknown_argument("Embedder", name, [*_ARGUMENTS, *sorted(_OPTIONS)])
        self._join()

    def _join(self) -> None:
        identity = json.dumps(self.config(), sort_keys=True, default=repr), self.client_options.get("api_key")
        self._own = _shared.setdefault(identity, _Shared())

    @property
    def usage(self) -> Usage:
        """The usage of this and all equal embedders in this process: tokens, and cost in USD."""
        return self._own.usage

    @property
    def client(self) -> OpenRouter:
        """The client of this process, opened at first use."""
        with self._own.lock:
            if self._own.client is None:
                self._own.client = OpenRouter(**self.client_options)
                weakref.finalize(self._own, self._own.client.close)
            return self._own.client

    @property
    def dimensions(self) -> int:
        """The length of a vector: `dimensions=` if set, else that of a response (the property may send one text)."""
        if known := self.options.get("dimensions") or self._own.dimensions:
            return int(known)
        return int(self.queries(["dimensions"]).shape[1])

    def documents(self, texts: Iterable[str], **options: Any) -> Matrix:
        """Embed documents: float32 `(n, dimensions)`, in the order of `texts`; `(0, dimensions)` for no text.

        Raises:
            InvalidInputError: a text is empty or not a string; the message gives its position. No request was sent.
            OpenRouterError: as in `embed`.
        """
        return self.embed_documents(texts, **options).vectors

    def queries(self, texts: Iterable[str], **options: Any) -> Matrix:
        """Embed queries; see `documents`."""
        options = self._options(self.query_type, self.query_prefix, options)
        return self._counted(self.client.embeddings.embed(_texts(texts), **options)).vectors

    async def documents_async(self, texts: Iterable[str], **options: Any) -> Matrix:
        """Async version of `documents`."""
        options = self._options(self.document_type, self.document_prefix, options)
        return self._counted(await self.client.embeddings.embed_async(_texts(texts), **options)).vectors

    async def queries_async(self, texts: Iterable[str], **options: Any) -> Matrix:
        """Async version of `queries`."""
        options = self._options(self.query_type, self.query_prefix, options)
        return self._counted(await self.client.embeddings.embed_async(_texts(texts), **options)).vectors

    def embed_documents(self, texts: Iterable[str], **options: Any) -> EmbedResult:
        """Embed documents, and return the `EmbedResult` with errors and usage."""
        options = self._options(self.document_type, self.document_prefix, options)
        return self._counted(self.client.embeddings.embed(_texts(texts), **options))

    __call__ = documents

    def config(self) -> dict[str, Any]:
        """Return the arguments that create an equal embedder, for configuration files; they never include a key."""
        client = {name: value for name, value in self.client_options.items() if name != "api_key"}
        given = {
            "client": (client, {}),
            "document_type": (self.document_type, DOCUMENT),
            "query_type": (self.query_type, QUERY),
            "document_prefix": (self.document_prefix, ""),
            "query_prefix": (self.query_prefix, ""),
        }
        changed = {name: value for name, (value, default) in given.items() if value != default}
        return {"model": self.model, **changed, **self.options}

    def _options(self, input_type: str | None, prefix: str, options: Mapping[str, Any]) -> dict[str, Any]:
        return {"model": self.model, "input_type": input_type, "prefix": prefix, **self.options, **options}

    def _counted(self, result: EmbedResult) -> EmbedResult:
        with self._own.lock:
            self._own.usage = self._own.usage.plus(attrs.asdict(result.usage))
            self._own.dimensions = result.vectors.shape[1] or self._own.dimensions
        return result

    def __repr__(self) -> str:
        return f"Embedder({', '.join(f'{name}={value!r}' for name, value in self.config().items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Embedder) and self.__getstate__() == other.__getstate__()

    def __hash__(self) -> int:
        return hash((Embedder, self.model))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_own"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._join()


def _texts(texts: Any) -> Any:
    """Return the texts of an Arrow column, whose items are not strings, as a list."""
    return texts.to_pylist() if hasattr(texts, "to_pylist") else texts
