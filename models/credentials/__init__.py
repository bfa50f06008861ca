"""Credentials: what one looks like, and the only mask.

`is_certain` recognises a credential by its shape, `is_likely` by its name. `masked`, `masked_value` and `masked_tree`
hide both kinds in everything that is shown: findings, comparisons, reviews, drift, status, logs and conversions.
"""

from models.credentials.assignments import argument_ranges, command_before
from models.credentials.excerpt import holds_hidden, is_hidden
from models.credentials.mask import (
    CHANGED,
    HIDDEN,
    NamedText,
    is_certain,
    is_credential,
    is_flag,
    is_likely,
    masked,
    masked_message,
    masked_pair,
    masked_tree,
    masked_value,
    named_texts,
    starred_shapes,
    stars,
    without_shapes,
)
from models.credentials.names import is_credential_name
from models.credentials.values import is_harmless

__all__ = [
    "CHANGED",
    "HIDDEN",
    "NamedText",
    "argument_ranges",
    "command_before",
    "holds_hidden",
    "is_certain",
    "is_credential",
    "is_credential_name",
    "is_flag",
    "is_harmless",
    "is_hidden",
    "is_likely",
    "masked",
    "masked_message",
    "masked_pair",
    "masked_tree",
    "masked_value",
    "named_texts",
    "starred_shapes",
    "stars",
    "without_shapes",
]
