"""Rules on the facts of a model."""

from __future__ import annotations

from collections.abc import Iterator

from models.catalog.known import nearest_models
from models.credentials import masked
from models.finding import Finding, at, error, warning
from models.rules.registry import facts_rule_ids, rule
from models.service.resolved import ResolvedService

_CONFIG_JSON = "write model.configJson: config.json, with a copy of the model's config.json next to the stack file"


@rule("warning")
def unknown_model(service: ResolvedService) -> Iterator[Finding]:
    """The facts of the model are known.

    Without them, some rules do not run: whether the model can be split, whether it fits, how long a request may be. The
    facts come from the catalogue by `model.name`, from `model.configJson`, or from `model.facts`.
    """
    if service.facts or service.model.facts or service.model.config_json:
        return
    name = masked(service.model.name)
    message = f"the catalogue has no facts of {name}"
    if not service.known:
        message = f"{name} is not in the catalogue"
    skipped = facts_rule_ids(service.release)
    yield warning(
        f"{message}: {len(skipped)} rules did not run",
        why=f"these rules need the facts of the model: {', '.join(skipped)}",
        fix=_facts_edit(service),
        marks=[at("model.name")],
    )


def _facts_edit(service: ResolvedService) -> str:
    similar = [] if service.known else nearest_models(service.model.name, 1)
    if similar:
        return f"{_CONFIG_JSON}, or write model.name: {similar[0]} if it is this model"
    return _CONFIG_JSON


@rule("error")
def incomplete_facts(service: ResolvedService) -> Iterator[Finding]:
    """The facts of a model that is not in the catalogue are complete.

    The rules need all of them. A model's config.json contains them all.
    """
    if service.facts or not (service.model.facts or service.model.config_json):
        return
    missing = ", ".join(service.missing_facts)
    fix = _CONFIG_JSON
    mark = at("model.facts")
    if service.model.config_json:
        fix = f"add {missing} to model.facts"
    if not service.model.facts:
        mark = at("model.configJson")
    yield error(
        f"the facts of {service.model.name} lack {missing}",
        why="without all facts, the rules on the model would not run (models/engines/ascend_vllm/rules)",
        fix=fix,
        marks=[mark],
    )
