"""What stands beside the pods, and what is patched into them; both are told where they are made."""

from __future__ import annotations

from models.beside import limits, pod_template
from models.rules import rule

_CHECKS = (
    *(limits.budget_blocks_eviction, limits.exposed_without_key, limits.monitoring_server),
    *(limits.monitoring_without_statistics, limits.network_admits_nobody, limits.network_closes_exposure),
    *(limits.network_closes_metrics, limits.network_closes_needs, limits.network_of_node),
    *(pod_template.pod_template_owned, pod_template.pod_template_unknown, pod_template.secret_in_pod_template),
)

for _check in _CHECKS:
    rule(_check)
