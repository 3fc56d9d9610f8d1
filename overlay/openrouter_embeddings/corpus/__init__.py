"""Files in, files out: durable jobs, their cost, a cache, and search over their outputs."""

from ..embed import counted, dollars
from .cache import Cache
from .display import duration, show_progress
from .lookup import Drift, Match, check, search
from .pricing import Estimate, estimate, texts_of
from .results import CorpusResult, CorpusStatus, Doubt, status
from .start import CorpusOptions, corpus

__all__ = ["Cache", "CorpusOptions", "CorpusResult", "CorpusStatus", "Doubt", "Drift", "Estimate"]
__all__ += ["Match", "check", "corpus", "dollars", "duration", "estimate", "search", "show_progress", "status"]
__all__ += ["counted", "texts_of"]
