"""Files in, files out: durable jobs, their cost, a cache, and search over their outputs."""

from .results import CorpusResult, CorpusStatus, Doubt, status
from .start import CORPUS_DEFAULTS, CorpusOptions, corpus

__all__ = ["CORPUS_DEFAULTS", "CorpusOptions", "CorpusResult", "CorpusStatus", "Doubt", "corpus", "status"]
