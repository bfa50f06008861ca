"""The registry's entries for problems that are found while a stack file is read."""

from __future__ import annotations

from models.rules.registry import add_rules

_ERRORS = {
    "yaml-syntax": """The file is YAML.

Pulumi reads stack files with Go's yaml.v3. It reads nothing of a file that is not YAML.""",
    "yaml-value": """Every value can be written as JSON.

Pulumi passes the file to the program as JSON. Infinite numbers, tags that contradict their value, and anchors that
contain themselves cannot be written as JSON.""",
    "stack-size": """The stack is of a size that can be read quickly.

A file has at most 1 MiB. With its aliases written out, it has at most 15,000 keys and values, and as many characters in
them as a file of 1 MiB. A stack has at most 500 services. So every command ends within seconds on any file.""",
    "duplicate-key": """No mapping contains a key twice.

Pulumi refuses the file. Other readers of YAML use the last value without a message.""",
    "unknown-key": """Every key is a key of the stack file.

Nothing reads an unknown key: the setting keeps its default. The message names the nearest known key; case, `-` and `_`
are ignored for that.""",
    "missing-key": """Every key without a default is present.

A service needs `image`, `model` and `engine.maxModelLen`. A stack needs `cluster` with its `context`.""",
    "bad-value": """Every value has the type of its key and is in its range.

A text is not a number: Pulumi passes `"8"` to the program as a text, and `8` as a number.""",
    "base-file": """The file that `base` names can be read.

Its path is relative to the stack file. It contains the services that several stacks share.""",
    "config-json": """The file that `configJson` names can be read and is the config.json of a model.

The rules read the model's facts from it. Its path is relative to the stack file.""",
    "weight-files": """The file that `verify` names can be read and is a list of checksums.

Each file has its size in bytes and its SHA-256, and is inside the model's directory: no name is absolute or contains
`..`. `ascend-vllm checksums DIRECTORY` creates the list.""",
    "config-secret": """Every `{config: NAME}` names a secret key of the stack.

The stack creates a Secret from its value. The value is encrypted in the stack file: `pulumi config set --secret
NAME`.""",
    "secret-in-services": """No `secure:` value is inside `cluster` or `services`.

Pulumi passes a structured value to the program as plain text, its secrets included. The secret would be written to a
ConfigMap.""",
}

_WARNINGS = {
    "no-services": """A stack has a service.

`pulumi up` deletes every service that a stack without services runs. If that is the purpose, waive the warning under
`accept` of the stack, next to `services`.""",
}

_NO_EFFECTS = {
    "removes-nothing": """Every `null` removes a value of the base file.

A stack changes its base file by RFC 7386: `null` removes. If the base file has no such value, often because the name is
misspelled, nothing is removed.""",
}

_ERRORS_AND_WARNINGS = {
    "unused-accept": """Every entry under `accept` waives a warning of the service.

Errors cannot be waived. A waiver that waives nothing would hide the next finding of its rule.""",
}

add_rules("stack file", ("error",), _ERRORS)
add_rules("stack file", ("warning",), _WARNINGS)
add_rules("stack file", ("no-effect",), _NO_EFFECTS)
add_rules("stack file", ("error", "warning"), _ERRORS_AND_WARNINGS)
