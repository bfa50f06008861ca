"""`ascend-vllm request`: ask a service of a stack, with every parameter judged before it is sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from cli.output.text import coloured
from cli.parameter_options import given_fields, with_parameters
from cli.reach import KeyFileOption, TimeoutOption, UrlOption, run, say
from cli.refusal import refuse_errors
from cli.stacks import ServiceArgument, StackArgument, open_stack, pick_service
from client.answer import Answer, Piece, texts
from client.body import BadInputError, data_url, question, raw
from client.check import check_request
from client.curl import curl
from client.http import send
from client.length import too_long
from client.reach import Way, address, reached
from client.request import refusal_text
from models.engines.requests import Kind, Request
from models.finding import Finding
from models.service.resolved import ResolvedService


class AnswerFormat(StrEnum):
    """How an answer is written."""

    TEXT = "text"
    JSON = "json"


WordsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PICTURE]... TEXT", help="The question, or - for stdin; for image, the pictures first."),
]
KindArgument = Annotated[Kind, typer.Argument(metavar="KIND", help="Kind of request; generate is for api_server.")]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="A LoRA adapter or another served name.", show_default=False),
]
BodyOption = Annotated[
    str | None,
    typer.Option("--json", help="File with the body, or - for stdin; options are added to it.", metavar="FILE"),
]
CurlOption = Annotated[bool, typer.Option("--curl", help="Print the curl command, without the key, and send nothing.")]


@with_parameters
def command(  # noqa: PLR0913  each is an argument of the command line
    stack: StackArgument,
    service: ServiceArgument,
    kind: KindArgument,
    words: WordsArgument = None,
    *,
    model: ModelOption = None,
    body: BodyOption = None,
    url: UrlOption = "",
    api_key_file: KeyFileOption = None,
    timeout: TimeoutOption = "5m",  # type: ignore[assignment]  # parsed by the option
    print_curl: CurlOption = False,
    form: Annotated[
        AnswerFormat, typer.Option("--format", help="The text, or the JSON of the server.")
    ] = AnswerFormat.TEXT,
    **given: Any,
) -> None:
    """Send a request to a service.

    The model name, the port and the API key come from the stack. A request that the
    service would refuse is not sent.

    Exit code 0 for an answer, 1 if the request is refused or fails, 2 for wrong
    usage, 3 if the service cannot be reached.

    Examples:
      ascend-vllm request dev qwen2-7b chat "hello" --max-tokens 100 --stream
      ascend-vllm request dev llava image photo.png "图片内容是什么"
      ascend-vllm request dev qwen2-7b chat "hello" --curl
    """
    resolved = open_stack(stack)
    refuse_errors(resolved, service)
    picked = pick_service(resolved, service)
    fields = given_fields({**given, "model": model})
    asked = _asked(kind, picked, words or [], fields, body)
    _judge(check_request(asked, picked))
    way = Way(url, api_key_file, timeout, say=say)
    if print_curl:
        typer.echo(curl(asked, address(picked, way), key=picked.server.api_key is not None))
        return
    answer = run(_send(asked, picked, way, form), picked)
    _show(answer, form, streamed=bool(asked.body.get("stream")))


def _asked(
    kind: Kind, service: ResolvedService, words: Sequence[str], fields: dict[str, Any], file: str | None
) -> Request:
    """The request that arguments and options make."""
    try:
        if file is not None:
            if words:
                raise CommandError("there are both a body and a question", "leave out TEXT, or --json")
            return raw(kind, service, _read(file), fields, "stdin" if file == "-" else file)
        *images, text = words or [""]
        if not text:
            raise CommandError("there is no question", "give TEXT, - for standard input, or --json FILE")
        if (kind is Kind.IMAGE) != bool(images):
            fix = "name the pictures, then the text" if kind is Kind.IMAGE else "give one TEXT, in quotes"
            raise CommandError(f"{kind} takes {'a picture and' if kind is Kind.IMAGE else 'only'} a text", fix)
        return question(kind, service, _read("-") if text == "-" else text, fields, [*map(data_url, map(Path, images))])
    except BadInputError as problem:
        raise CommandError(problem.message, problem.fix) from None


def _read(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode("utf-8")
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem.strerror}", "name a readable file") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not UTF-8", "give text in UTF-8") from None


def _judge(findings: Sequence[Finding]) -> None:
    """Say what is wrong with a request, and end when it must not be sent."""
    if findings:
        typer.echo(coloured("\n\n".join(map(refusal_text, findings))), err=True)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(ExitCode.FOUND)


async def _send(asked: Request, service: ResolvedService, way: Way, form: AnswerFormat) -> Answer:
    async with reached(service, way) as link:
        if finding := await too_long(link, asked, service):
            _judge([finding])
        return await send(link, asked, _printer(asked, form))


def _printer(asked: Request, form: AnswerFormat) -> Any:
    """Prints pieces as they come: as JSON, or the text of an answer that is the only one."""
    shown = ""

    def see(piece: Piece) -> None:
        nonlocal shown
        if form is AnswerFormat.JSON:
            typer.echo(json.dumps(piece.data, ensure_ascii=False))
        elif asked.body.get("stream") and (asked.body.get("n") or 1) == 1:
            prompt = str(asked.body.get("prompt", "")) if asked.kind is Kind.GENERATE else ""
            text = texts(piece.data, prompt).get(0, "")
            new = text.removeprefix(shown) if "text" in piece.data else text
            shown += new
            typer.echo(new, nl=False)

    return see


def _show(answer: Answer, form: AnswerFormat, *, streamed: bool) -> None:
    """Print the answer, and on standard error how long it took; end with 1 when there is none."""
    if not answer.ok:
        told = f"the server answers {answer.status}: " if answer.status != 200 else ""
        typer.echo(("\n" if answer.text and streamed else "") + f"error: {told}{answer.error}", err=True)
        raise typer.Exit(ExitCode.FOUND)
    if form is AnswerFormat.TEXT:
        several = len(answer.texts) > 1
        for index, text in sorted(answer.texts.items()):
            typer.echo("" if streamed and not several else f"[{index}] {text}" if several else text)
    say(timing(answer))
    if "length" in answer.ends:
        say("the answer ends at max_tokens; --max-tokens gives it more")


def timing(answer: Answer) -> str:
    """How long an answer took: `21 tokens in 0.41 s (ttft 92 ms, 31 tok/s)`."""
    tokens = f"{answer.tokens} tokens in " if answer.tokens is not None else ""
    parts = [f"ttft {answer.first * 1000:.0f} ms"] if answer.first is not None and len(answer.pieces) > 1 else []
    parts += [f"{answer.tokens_per_second:.0f} tok/s"] if answer.tokens_per_second and len(answer.pieces) > 1 else []
    return f"{tokens}{answer.seconds:.2f} s" + (f" ({', '.join(parts)})" if parts else "")
