"""The alerts of a service, read and run by Prometheus itself; `make test-prometheus` builds it."""

from __future__ import annotations

import os

PROGRAMS = os.environ.get("PROMETHEUS", "")
"""The directory with `prometheus` and `promtool`."""

collect_ignore_glob = [] if PROGRAMS else ["test_*.py"]
