"""Why a pod is not ready. `diagnose` is the beginning."""
