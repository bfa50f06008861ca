"""Reads the blocks of code of a page, in Markdown or in HTML: each server of a page is a script of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import PurePosixPath

from convert.note import Notes, Place
from convert.server_start import File

_FENCE = re.compile(
    r"\s*(?:[-*>]\s+)?(?P<marks>`{3,}|~{3,})\s*(?P<words>[^`]*)", re.DOTALL
)
_DIRECTIVE = re.compile(r"\{[\w-]+\}\s*")
_OPTION = re.compile(r"\s*:[\w-]+:.*")
"""An option at the beginning of a block of MyST, such as `:substitutions:`."""
_SUBSTITUTION = re.compile(r"\|(?P<name>[a-z][\w-]*)\|")
"""A value of the page, such as `|vllm_ascend_version|`."""
_PROMPT = re.compile(r"^(\s*)(?:\$|[\w.-]+@[\w.-]+:[^#$\s]*[#$]) +(?=\S)", re.MULTILINE)
_HTML = re.compile(r"<pre\b", re.IGNORECASE)
_SHELLS = {"", "bash", "sh", "shell", "console", "zsh", "shell-session", "terminal"}
_DATA = {"yaml", "yml", "json"}
COMMAND = re.compile(r"\b(docker|podman|nerdctl)\s+run\b|\bvllm\b", re.IGNORECASE)
"""A command that a page starts a server with, or names it in."""
_SERVER = re.compile(
    r"\bvllm\s+serve\b|\bvllm\.entrypoints\.[\w.]*(api_server|cli\.main)\b"
)
_CONTAINER = re.compile(r"\b(?:docker|podman|nerdctl)\s+(?:container\s+)?run\b")
_OF_IMAGE = re.compile(r"\bvllm-openai\S*\s+(?:\\\s+)?(?:--|[\w./-]+/)")
"""Arguments of a server that the entrypoint of an image starts."""
_PREPARES = re.compile(
    r"^\s*(export\s|source\s|\.\s|[A-Za-z_]\w*=|function\s|\w+\s*\(\))|<<-?\s*['\"]?\w",
    re.MULTILINE,
)
"""A line that matters for commands of later blocks."""
_DOCUMENT = re.compile(r"^(apiVersion|services)\s*:", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code."""

    language: str
    line: int
    """The line of the page on which its first line is."""
    text: str

    @property
    def is_shell(self) -> bool:
        """Whether it may have commands. A block without a language can also be the output of one."""
        if self.language not in _SHELLS or self.is_document:
            return False
        return bool(self.language) or _matters(self.text)

    @property
    def is_document(self) -> bool:
        """Whether it has objects of Kubernetes or services of Compose."""
        is_data = self.language in _DATA or not self.language
        return is_data and bool(_DOCUMENT.search(self.text))


def is_page(text: str) -> bool:
    """Whether a text is a page with commands in blocks of code."""
    has_blocks = bool(_HTML.search(text)) or any(
        _FENCE.match(line) for line in text.split("\n")
    )
    has_content = COMMAND.search(text) or _DOCUMENT.search(text)
    return has_blocks and bool(has_content)


def files_of_page(page: File, notes: Notes) -> list[File]:
    """The files in a page: one with its documents, and a script for each block that starts a server.

    A script has the variables of the blocks before it, and the last container that these start.

    Args:
        page: The page.
        notes: Gets a note for each container that no script has.
    """
    blocks = _blocks(page.text)
    files = []
    documents = [block for block in blocks if block.is_document]
    if documents:
        text = _joined(page, documents, "---")
        files.append(replace(page, text=text, is_data=True))
    shells = [block for block in blocks if block.is_shell]
    scripts = [_joined(page, part) for part in _parts(shells, page, notes)]
    stem = PurePosixPath(page.name).stem
    for number, script in enumerate(scripts, start=1):
        name = stem if number == 1 else f"{stem}-{number}"
        path = PurePosixPath(page.name).with_name(f"{name}.sh")
        files.append(File(str(path), script, written_by=page.name))
    return files


def _parts(shells: Sequence[Block], page: File, notes: Notes) -> Iterator[list[Block]]:
    """The blocks of each script."""
    before: list[Block] = []
    container: Block | None = None
    is_read = False
    found = False
    for block in shells:
        starts_container = bool(_CONTAINER.search(block.text))
        starts_server = bool(_SERVER.search(block.text))
        starts_server = starts_server or bool(_OF_IMAGE.search(block.text))
        if starts_server:
            found = True
            is_read = True
            if starts_container:
                container = None
            of_container = [container] if container else []
            yield sorted([*before, *of_container, block], key=_line)
        elif starts_container and container and not is_read:
            _note_container(block, page, notes)
        elif starts_container:
            container = block
            is_read = False
        elif _PREPARES.search(block.text):
            before.append(block)
    if container and not is_read and found:
        _note_container(container, page, notes)
    if not found and shells:
        yield [*shells]


def _line(block: Block) -> int:
    return block.line


def _note_container(container: Block, page: File, notes: Notes) -> None:
    why = "the page starts no server after it, or it stands for another one: convert a file with this block to get it"
    notes.drop("docker run", why, Place(page.name, container.line))


def _matters(text: str) -> bool:
    """Whether a text has a command that matters, and not only the name of vLLM, as its log has."""
    patterns = (_SERVER, _CONTAINER, _OF_IMAGE, _PREPARES)
    return any(pattern.search(text) for pattern in patterns)


def _joined(page: File, blocks: Sequence[Block], separator: str = "") -> str:
    """The text of some blocks, each on its lines of the page."""
    lines = [""] * (page.text.count("\n") + 2)
    for block in blocks:
        start = block.line - 1
        if separator and start:
            lines[start - 1] = separator
        texts = block.text.split("\n")
        lines[start : start + len(texts)] = texts
    return "\n".join(lines)


def _blocks(text: str) -> list[Block]:
    blocks = _of_html(text) if _HTML.search(text) else [*_of_markdown(text)]
    return [replace(block, text=_code(block.text)) for block in blocks]


def _code(text: str) -> str:
    """The text of a block as bash has it: without prompts, and with placeholders in the form of the manual."""

    def placeholder(found: re.Match[str]) -> str:
        return f"${{{found['name']}}}"

    return _SUBSTITUTION.sub(placeholder, _PROMPT.sub(r"\1", text))


def _of_markdown(text: str) -> Iterator[Block]:
    """The blocks between fences."""
    marks = ""
    language = ""
    first = 0
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        found = _FENCE.match(line)
        if not marks and found:
            marks = found["marks"]
            words = _DIRECTIVE.sub("", found["words"]).split()
            language = words[0].lower() if words else ""
            first = number + 1
            lines = []
        elif (
            marks
            and found
            and found["marks"].startswith(marks)
            and not found["words"].strip()
        ):
            yield Block(language, first, "\n".join(lines))
            marks = ""
        elif marks:
            is_option = _OPTION.fullmatch(line) and not any(lines)
            if is_option:
                lines.append("")
            else:
                lines.append(line)
    if marks:
        yield Block(language, first, "\n".join(lines))


def _of_html(text: str) -> list[Block]:
    """The contents of `<pre>`."""
    reader = _PreReader()
    reader.feed(text)
    reader.close()
    return reader.blocks


@dataclass
class _PreReader(HTMLParser):
    blocks: list[Block] = field(default_factory=list)
    depth: int = 0
    language: str = ""
    line: int = 0
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = " ".join(value or "" for name, value in attrs if name == "class")
        found = re.search(r"(?:language|highlight|lang)-([\w-]+)", classes)
        if found and not self.depth:
            self.language = found[1]
        if tag == "pre":
            self.depth += 1
            self.line = self.getpos()[0]
            self.texts = []
        if found and self.depth:
            self.language = found[1]
        if tag == "br" and self.depth:
            self.texts.append("\n")

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag != "pre" or not self.depth:
            return
        self.depth -= 1
        language = self.language if self.language in _SHELLS | _DATA else ""
        if self.language in ("python", "json", "text", "output"):
            language = self.language
        self.blocks.append(Block(language, self.line, "".join(self.texts)))
        self.language = ""
