"""Files in, files out: durable jobs, their cost, a cache, and search over their outputs."""

from ..embed import dollars
from .display import duration, show_progress
from .results import CorpusResult, CorpusStatus, Doubt, status
from .start import CORPUS_DEFAULTS, CorpusOptions, corpus

__all__ = ["CORPUS_DEFAULTS", "CorpusOptions", "CorpusResult", "CorpusStatus", "Doubt", "corpus", "dollars", "duration"]
__all__ += ["show_progress", "status"]
