"""Reads the text of a shell script into commands.

It reads as bash does, with one exception: a line that begins with a flag belongs to the command before it, also where
bash ends that command because of a space after the backslash, a comment or a missing backslash.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from convert.shell_quotes import read_quoted
from convert.shell_words import Command, Piece, Script, Text, Word

_BLANK = " \t\u00a0\u3000"
_BLANKS = re.compile(rf"[{_BLANK}]*")
_QUOTES = "'\"$`"
_ARRAY = re.compile(r"[A-Za-z_]\w*\+?=$")
_OPERATOR = re.compile(r"&&|\|\||;;|\|&|[;|()&]")
_REDIRECT = re.compile(r"&>>|&>|<<<|<<-?|<>|>>|>\||[<>]&?")
_FLAG = re.compile(r"-{1,2}[A-Za-z]|[–—]{1,2}-?[A-Za-z]")
_FLAG_END = re.compile(r"[\s=]")
_COMMENT_LINE = re.compile(rf"[{_BLANK}]*#[^\n]*")
_HEREDOC_END = re.compile(r"\s*(?:'([^'\n]*)'|\"([^\"\n]*)\"|([^\s;&|<>]+))")
_ESCAPED_IN_HEREDOC = re.compile(r"\\([$`\\])")


def read_script(text: str, first_line: int = 1) -> Script:
    """Read a script; any text is a script.

    Args:
        text: The script.
        first_line: The line of its file on which it begins.
    """
    return _Reader(text, first_line).read()


@dataclass(frozen=True)
class _HereDocument:
    """A here-document that begins on the next line."""

    end: str
    """The line that ends it."""
    quoted: bool
    """Whether it is taken literally: `<<'EOF'`."""


class _Reader:
    """Reads a script from left to right: pieces into a word, words into a command."""

    def __init__(self, text: str, first_line: int) -> None:
        self.text = text
        self.at = 0
        self.first_line = first_line
        self.line_ends = [found.start() for found in re.finditer("\n", text)]
        self.script = Script()
        self.pieces: list[Piece] = []
        self.word_line = 0
        self.words: list[Word] = []
        self.redirected = False
        self.expects_target = False
        """Whether the next word is the file of a redirection."""
        self.target: Word | None = None
        self.here_documents: list[_HereDocument] = []
        self.document = ""
        self.document_line = 0

    @property
    def line(self) -> int:
        """The line of the position."""
        return self.first_line + bisect_left(self.line_ends, self.at)

    def read(self) -> Script:
        while self.at < len(self.text):
            self._step()
        self._end_command("\n")
        return self.script

    def _step(self) -> None:
        character = self.text[self.at]
        if character == "\n":
            self._end_line()
        elif character == "\\":
            self._backslash()
        elif character in _BLANK:
            self._end_word()
            self.at += 1
        elif character == "#" and not self.pieces:
            self.at = self._end_of_line(self.at)
        elif character in _QUOTES:
            self._quoted()
        else:
            self._unquoted(character)

    def _unquoted(self, character: str) -> None:
        redirect = _REDIRECT.match(self.text, self.at)
        if redirect:
            self._redirect(redirect[0])
            return
        operator = _OPERATOR.match(self.text, self.at)
        if operator:
            self._operator(operator[0])
        else:
            self._plain(character)

    def _plain(self, character: str) -> None:
        self._begin_word()
        last = self.pieces[-1] if self.pieces else None
        if isinstance(last, Text) and not last.quoted:
            self.pieces[-1] = Text(last.text + character, quoted=False)
        else:
            self.pieces.append(Text(character, quoted=False))
        self.at += 1

    def _quoted(self) -> None:
        self._begin_word()
        quoted = read_quoted(self.text, self.at)
        if not quoted.closed:
            self._slip("a quote is never closed")
        self.pieces += quoted.pieces
        self.at = quoted.end

    def _begin_word(self) -> None:
        if not self.pieces:
            self.word_line = self.line

    def _end_word(self) -> None:
        if not self.pieces:
            return
        word = Word(tuple(self.pieces), self.word_line)
        if self.expects_target:
            self.target = word
            self.expects_target = False
        else:
            self.words.append(word)
        self.pieces = []

    def _end_command(self, end: str) -> None:
        self._end_word()
        if self.words:
            command = Command(
                words=tuple(self.words),
                line=self.words[0].line,
                end=end,
                redirected=self.redirected,
                target=self.target,
                document=self.document,
                document_line=self.document_line,
            )
            self.script.commands.append(command)
        self.words = []
        self.redirected = False
        self.expects_target = False
        self.target = None
        self.document = ""
        self.document_line = 0

    def _end_line(self) -> None:
        """Read a line end, which ends the command unless a flag follows."""
        self._end_word()
        if self.here_documents:
            self._read_here_documents()
            self._end_command("\n")
            return
        flag = self._flag_below(self.at) if self.words else None
        if flag:
            self._slip(
                f"bash ends the command before {flag}, because no backslash joins the lines"
            )
        else:
            self._end_command("\n")
        self.at += 1

    def _backslash(self) -> None:
        """Read a backslash: it joins two lines, or it escapes a character."""
        start = self.at + 1
        end = self._after_blanks(start)
        has_comment = end > start and self.text.startswith("#", end)
        line_end = self._end_of_line(end) if has_comment else end
        is_last = line_end >= len(self.text) - 1
        ends_line = self.text[line_end : line_end + 1] in ("\n", "")
        if ends_line and end == start:
            self._join_lines()
        elif ends_line and (has_comment or is_last or self._flag_below(line_end)):
            obstacle = "a comment follows" if has_comment else "a space follows"
            self._join_lines_as_meant(line_end, obstacle)
        else:
            self._begin_word()
            escaped = self.text[start : start + 1]
            self.pieces.append(Text(escaped))
            self.at += 2

    def _join_lines(self) -> None:
        """Read a backslash at the end of a line; a comment on the next line ends the command for bash."""
        self.at += 2
        while self.words and not self.pieces:
            comment = _COMMENT_LINE.match(self.text, self.at)
            flag = self._flag_below(comment.end()) if comment else None
            if not comment or not flag:
                return
            self._slip(
                f"bash ends the command before {flag}, because a comment is between the lines"
            )
            self.at = comment.end() + 1

    def _join_lines_as_meant(self, line_end: int, obstacle: str) -> None:
        """Read a backslash that does not join lines for bash, since something follows it on its line."""
        self._end_word()
        if self._flag_below(line_end):
            self._slip(f"bash ends the command here, because {obstacle} the backslash")
        self.at = line_end + 1

    def _after_blanks(self, start: int) -> int:
        blanks = _BLANKS.match(self.text, start)
        return blanks.end() if blanks else start

    def _end_of_line(self, start: int) -> int:
        end = self.text.find("\n", start)
        return len(self.text) if end < 0 else end

    def _flag_below(self, start: int) -> str | None:
        """The flag with which the next line begins; empty lines, lone backslashes and comments are skipped."""
        for line in self.text[start:].split("\n")[1:]:
            stripped = line.strip(f"{_BLANK}\\")
            if not stripped or stripped.startswith("#"):
                continue
            if _FLAG.match(stripped):
                return _FLAG_END.split(stripped)[0]
            return None
        return None

    def _slip(self, difference: str) -> None:
        self.script.slips.setdefault(self.line, difference)

    def _operator(self, operator: str) -> None:
        only_text = self._only_text()
        if operator == "(" and only_text and _ARRAY.match(only_text.text):
            self._array(only_text)
            return
        self.at += len(operator)
        self._end_command(operator)

    def _only_text(self) -> Text | None:
        """The text of a word that has no other pieces."""
        if len(self.pieces) != 1:
            return None
        piece = self.pieces[0]
        if not isinstance(piece, Text):
            return None
        return piece

    def _array(self, name: Text) -> None:
        """Read the words of `NAME=(…)`."""
        inner = _Reader(self.text, self.first_line)
        inner.at = self.at + 1
        while inner.at < len(self.text):
            character = self.text[inner.at]
            if character == ")":
                break
            if character == "\n":
                inner._end_word()
                inner.at += 1
            else:
                inner._step()
        inner._end_word()
        items: list[Word] = []
        for command in inner.script.commands:
            items += command.words
        items += inner.words
        word = Word((name,), self.word_line, tuple(items))
        self.words.append(word)
        self.pieces = []
        self.at = inner.at + 1

    def _redirect(self, operator: str) -> None:
        """Read `>`, `2>&1` or `<<EOF`; a number before it is a file descriptor and no word."""
        only_text = self._only_text()
        if only_text and only_text.text.isdecimal():
            self.pieces = []
        self._end_word()
        self.redirected = True
        self.at += len(operator)
        if operator in ("<<", "<<-"):
            self._begin_here_document()
        else:
            self.expects_target = True

    def _begin_here_document(self) -> None:
        end = _HEREDOC_END.match(self.text, self.at)
        if not end:
            return
        single_quoted, double_quoted, plain = end.groups()
        if plain is not None:
            document = _HereDocument(plain, quoted=False)
        else:
            document = _HereDocument(single_quoted or double_quoted or "", quoted=True)
        self.here_documents.append(document)
        self.at = end.end()

    def _read_here_documents(self) -> None:
        self.document_line = self.line + 1
        lines = self.text[self.at + 1 :].split("\n")
        for document in self.here_documents:
            body = []
            while lines:
                line = lines.pop(0)
                if line.strip("\t ") == document.end:
                    break
                if not document.quoted:
                    line = _ESCAPED_IN_HEREDOC.sub(r"\1", line)
                body.append(line)
            self.document = "\n".join(body)
        self.here_documents = []
        if lines:
            rest = "\n".join(lines)
            end = len(self.text) - len(rest)
            self.at = max(end, self.at + 1)
        else:
            self.at = len(self.text)
