"""The words of refusals by shape: what each rule says of itself, and tables for the messages."""

from __future__ import annotations

TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
"""The type that a value must have, by pydantic's name of the error."""

BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
    "string_too_long": ("max_length", "no longer than"),
    "string_too_short": ("min_length", "no shorter than"),
}
"""Which limit of a field is broken, and how that is said, by pydantic's name of the refusal."""

SHAPE_RULES = {
    "yaml-syntax": """The file is YAML.

Pulumi's engine reads stack files with Go's yaml.v3; what that cannot read has no values at all.""",
    "yaml-value": """Every value is one that a configuration can hold.

The engine turns the file into JSON: infinite numbers, tags that do not fit their value and anchors that contain
themselves have no JSON.""",
    "duplicate-key": """No key stands twice in one mapping.

Pulumi's engine refuses the file; other readers of YAML take the last value silently.""",
    "unknown-key": """Every key is one of the configuration language.

A key that nothing reads is a mistake: the value that was meant keeps its default. Keys are compared without case, `-`
and `_` to find the one that was meant.""",
    "missing-key": """Every key without a default is given.

A service needs an image, a model and `engine.maxModelLen`; a stack needs a cluster with its context.""",
    "bad-value": """Every value has its key's type and lies in its range.

Text is not a number: the engine hands `"8"` and `8` to the program as they are written.""",
    "base-file": """The file that `base` names can be read.

It is looked for beside the stack file.""",
    "config-json": """The file that `configJson` names can be read and is a model's config.json.

The rules read the model's measures from it.""",
    "weight-files": """The file that `verify` names can be read and is a manifest.

Each file has its size in bytes and its SHA-256, and lies below the model's directory: no name is absolute or has a part
`..`. `ascend-vllm manifest DIRECTORY` makes one.""",
    "config-secret": """Every `{config: NAME}` names a secret key of the stack.

The stack makes a Secret of its value, which stands encrypted in the stack file: `pulumi config set --secret NAME`.""",
    "secret-in-services": """No `secure:` value stands below `cluster` or `services`.

Pulumi hands a structured value to the program as plain text, secrets included, so it would end in a ConfigMap.""",
    "unused-accept": """Every waiver under `accept` waives a warning that is there.

Errors cannot be waived. A waiver that waives nothing would hide the next finding.""",
}
"""The documentation of the rules that are applied while the files are read, by id."""


TRUTHS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""What YAML 1.1 reads as true or false, and YAML 1.2 as text."""

NICKNAMES = {"tp": "engine.tensorParallelSize", "pp": "engine.pipelineParallelSize"}
"""What people call keys that are named otherwise."""
