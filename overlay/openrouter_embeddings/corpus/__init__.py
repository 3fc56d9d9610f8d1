"""Embeds files to files: durable jobs, cost estimates, a cache of vectors, and search over the outputs."""

from .batch import BatchOptions
from .cache import Cache
from .display import duration, show_progress
from .journal import BatchStatus
from .lookup import Drift, Match, check, search
from .outputs import OUTPUT_FORMATS
from .pricing import Estimate, estimate, texts_of
from .results import CorpusResult, CorpusStatus, Doubt, status
from .sources import Format
from .start import CorpusOptions, corpus, corpus_async

__all__ = [
    "OUTPUT_FORMATS",
    "BatchOptions",
    "BatchStatus",
    "Cache",
    "CorpusOptions",
    "CorpusResult",
    "CorpusStatus",
    "Doubt",
    "Drift",
    "Estimate",
    "Format",
    "Match",
    "check",
    "corpus",
    "corpus_async",
    "duration",
    "estimate",
    "search",
    "show_progress",
    "status",
    "texts_of",
]
