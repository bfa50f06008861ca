"""What stands beside the pods, and what is patched into them; both are told where they are made."""

from __future__ import annotations

from models.beside import limits, pod_template, wanted_claims
from models.rules import rule, stack_rule

_CHECKS = (
    *(limits.budget_blocks_eviction, limits.exposed_without_key, limits.monitoring_server),
    *(limits.monitoring_without_statistics, limits.network_admits_nobody, limits.network_closes_exposure),
    *(limits.network_closes_metrics, limits.network_closes_needs, limits.network_of_node),
    *(pod_template.pod_template_owned, pod_template.pod_template_unknown),
)

for _check in _CHECKS:
    rule(_check)
for _stack_check in (wanted_claims.claims_differ, wanted_claims.claim_too_small):
    stack_rule(_stack_check)
