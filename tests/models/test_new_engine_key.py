"""A key of `engine` is complete, or a test names the place that it lacks (CONTRIBUTING.md, Where to add what)."""

from __future__ import annotations

from models.engines.engine_args import EngineArgs
from models.engines.releases import VERSIONS, release
from models.service.engine import resolve_engine


def family_of(version: str) -> str:
    """The folder of the family of a release."""
    return "/".join(type(release(version)).__module__.split(".")[:-1])


def missing_places(record: type[EngineArgs]) -> list[str]:
    """The places that the keys of a record lack, each with what belongs there."""
    missing = []
    configured = {name: object() for name in record.model_fields}
    engine, _ = resolve_engine(record.model_construct(**configured), 1, release("0.6.3"))  # type: ignore[arg-type]
    for name, value in configured.items():
        if name != "version" and getattr(engine, name, None) is not value:
            missing.append(f"models/service/engine.py, resolve_engine: {name}=config.{name}")
    families = {family_of(version): release(version) for version in VERSIONS}
    for family, known in families.items():
        for name, field in record.model_fields.items():
            key = f"engine.{field.alias}"
            is_known = key in known.owned_flags.values() or key in known.absent_keys
            if name not in ("version", "extra_args") and not is_known:
                missing.append(f"{family}/owned_keys.py, ENGINE_FLAGS: {name}; or absent_keys.py, ABSENT_KEYS: {key}")
    return missing


def test_every_key_of_the_engine_is_in_all_its_places() -> None:
    assert missing_places(EngineArgs) == []


def test_the_places_that_a_new_key_lacks_are_named() -> None:
    class WithNewKey(EngineArgs):
        enable_prefetch: bool = False

    assert missing_places(WithNewKey) == [
        "models/service/engine.py, resolve_engine: enable_prefetch=config.enable_prefetch",
        "models/engines/ascend_vllm/owned_keys.py, ENGINE_FLAGS: enable_prefetch; "
        "or absent_keys.py, ABSENT_KEYS: engine.enablePrefetch",
        "models/engines/vllm_ascend/owned_keys.py, ENGINE_FLAGS: enable_prefetch; "
        "or absent_keys.py, ABSENT_KEYS: engine.enablePrefetch",
    ]
