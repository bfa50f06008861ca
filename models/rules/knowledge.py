"""What is known of the model, and what follows from its name."""

from __future__ import annotations

from collections.abc import Iterator

from models.catalog.known import nearest_models
from models.engines.ascend_vllm.precision import LONG, PRECISE_DECODE, PRECISE_PREFILL, plain_model_name
from models.finding import Finding, at, error, warning
from models.rules.registry import facts_rule_ids, rule
from models.service.resolved import ResolvedService


@rule("warning")
def unknown_model(service: ResolvedService) -> Iterator[Finding]:
    """The measures of the model are known.

    Without them a part of the rules does not run: whether the model can be split, whether it fits, how long a request
    may be. They come from the catalogue by `model.name`, from `model.configJson`, or from `model.facts`.
    """
    if service.facts is None and not service.model.facts and not service.model.config_json:
        near = [] if service.known else nearest_models(service.model.name, 1)
        what = "the catalogue has no measures of" if service.known else "the catalogue does not know"
        yield warning(
            f"{what} the model {service.model.name}: {len(facts_rule_ids())} rules could not run",
            why=f"these need its measures: {', '.join(facts_rule_ids())}",
            fix=f"give model.configJson{f', or set model.name to {near[0]} if it is that' if near else ''}",
            marks=[at("model.name")],
        )


@rule("error")
def incomplete_facts(service: ResolvedService) -> Iterator[Finding]:
    """Facts of a model that the catalogue does not know are whole.

    The rules cannot run on a part of them.
    """
    if service.facts is None and (service.model.facts or service.model.config_json):
        missing = ", ".join(service.missing_facts)
        yield error(
            f"the facts of {service.model.name} lack {missing}",
            why="the catalogue does not know the model, and the rules need them all",
            fix="add them under model.facts",
            marks=[at("model.facts" if service.model.facts else "model.configJson")],
        )


@rule("error")
def precision_needed(service: ResolvedService) -> Iterator[Finding]:
    """Attention of high precision is on where the model answers wrongly without.

    Prefill of Qwen2-7B and Qwen2-57B needs it, and so does decode of these and of Qwen2-72B above 8192 tokens (manual,
    Step 3, USE_PFA_HIGH_PRECISION_MODE and USE_IFA_HIGH_PRECISION_MODE).
    """
    name = plain_model_name(service.known, service.model.name)
    long = service.engine.max_model_len > LONG
    for field, models, applies in (("prefill", PRECISE_PREFILL, True), ("decode", PRECISE_DECODE, long)):
        if applies and getattr(service.precision, field) is False and name.startswith(models):
            yield error(
                f"{service.model.name} needs {field} of high precision",
                why="it answers wrongly without (manual, Step 3)",
                fix=f"remove precision.{field}",
                marks=[at(f"precision.{field}", "switched off"), at("model.name", "needs it")],
            )
