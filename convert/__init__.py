"""Converts files of today's servers to a stack file, without a cluster and without Pulumi.

The files are sorted (`input_files`). Kubernetes objects (`objects`, `workloads`), Compose files and `docker run` lines
(`docker/`) become pods (`pods`). The start of the server is found in the script (`shell/`) and on the command line
(`server/`). The pods of one server over several nodes are joined (`groups/`). All this gives the keys of a service
(`keys/`, `draft`). `conversion` joins these steps. `comparison` compares the launch of the stack file with the
launch of the files.
"""

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
