"""Converts the manual's config.yaml and run_vllm.sh, also with edits, into a stack file; no cluster, no Pulumi."""

from convert.comparison import Comparison, compared
from convert.conversion import Conversion, ConversionError, Options, convert
from convert.difference import Difference
from convert.encoding import decoded
from convert.note import Note
from convert.pulumi_import import Adopted, Adoption, adoption
from convert.server_start import File

__all__ = [
    "Adopted",
    "Adoption",
    "Comparison",
    "Conversion",
    "ConversionError",
    "Difference",
    "File",
    "Note",
    "Options",
    "adoption",
    "compared",
    "convert",
    "decoded",
]
