"""The manual's config.yaml and run_vllm.sh, also as people edit them, as a stack file; no cluster, no Pulumi."""

from convert.adopt import Adoption, adoption
from convert.conversion import Conversion, ConversionError, Wanted, convert
from convert.difference import Comparison, Difference, compared
from convert.note import Note
from convert.start import File
from convert.text import decoded

__all__ = [
    "Adoption",
    "Comparison",
    "Conversion",
    "ConversionError",
    "Difference",
    "File",
    "Note",
    "Wanted",
    "adoption",
    "compared",
    "convert",
    "decoded",
]
