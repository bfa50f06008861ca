"""Rules on LoRA adapters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.finding import Finding, at, error
from models.rules.registry import rule
from models.service.resolved import ResolvedService


@rule("error")
def lora_names(service: ResolvedService) -> Iterator[Finding]:
    """An adapter has a name that requests can select and that vLLM can parse.

    An adapter with the name of the model could never be selected. vLLM 0.6.3 parses `name=path`: a further `=` is not
    allowed, and a `,` or a `{` at the beginning would be parsed as JSON (vllm/entrypoints/openai/cli_args.py:22). For
    later releases, such names are written as JSON.
    """
    if service.lora is None:
        return
    model_names = service.engine.served_model_name or [service.model.path]
    where = service.release.code_places.adapter_name
    for name, path in service.lora.adapters.items():
        mark = at("lora.adapters", key=name)
        if name in model_names:
            yield error(
                f"the adapter {name!r} has the name of the model",
                why="requests select by name, so the adapter cannot be reached (manual, Step 3, --served-model-name)",
                fix=f"rename lora.adapters.{name} to {name}-lora",
                marks=[
                    mark,
                    at("engine.servedModelName"),
                ],
            )
        elif where and (not _is_parsed(name) or name.startswith(("-", "{"))):
            yield error(
                f"vLLM cannot parse the adapter name {name!r}",
                why=f"vLLM splits name=path, and exits at start ({where})",
                fix=f"rename lora.adapters.{name} to {_plain(name)}",
                marks=[mark],
            )
        elif where and not _is_parsed(path):
            yield error(
                f"vLLM cannot parse the path {path} of the adapter {name!r}",
                why=f"vLLM splits name=path, and exits at start ({where})",
                fix=f"write lora.adapters.{name}: {path.replace('=', '-').replace(',', '-')}, and rename the directory",
                marks=[mark],
            )


def _is_parsed(text: str) -> bool:
    return "=" not in text and "," not in text


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "lora"
