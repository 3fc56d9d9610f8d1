"""Hypothesis profiles: the same examples at each run (ci), fewer of them (quick), or many new ones (thorough)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

for name, examples in (("ci", 150), ("quick", 30)):
    settings.register_profile(
        name, derandomize=True, database=None, deadline=None, max_examples=examples, suppress_health_check=_SLOW
    )
settings.register_profile("thorough", deadline=None, max_examples=5_000, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
