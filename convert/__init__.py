"""Converts files of a server as people have them today into a stack file; no cluster, no Pulumi."""

from convert.comparison import Comparison, compared
from convert.conversion import Conversion, Options, convert, convert_files
from convert.difference import Difference
from convert.encoding import decoded
from convert.note import Note
from convert.pulumi_import import Adopted, Adoption, adoption
from convert.refused_files import ConversionError
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
    "convert_files",
    "decoded",
]
