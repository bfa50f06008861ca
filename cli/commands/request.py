"""`ascend-vllm request`: a request to a service, checked before it is sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import ServiceArgument, StackArgument
from cli.inputs.named_files import read_named
from cli.inputs.parameter_options import body_fields, with_parameters
from cli.inputs.stacks import open_stack, pick_service
from cli.output.text import coloured
from cli.reach import KeyFileOption, TimeoutOption, UrlOption, run, say
from cli.refusal import refuse_errors
from client.answer import Answer, Piece, texts
from client.body import BadInputError, data_url, pooling, question, raw
from client.check import check_request
from client.curl import curl
from client.http import send
from client.length import too_long
from client.numbers import scores, vectors
from client.reach import ConnectOptions, address, reached
from client.request import refusal_text
from models.engines.requests import POOLING, Kind, Request
from models.finding import Finding
from models.service.resolved import ResolvedService

_MOST_BYTES = 100_000_000
"""Of a body, which may contain pictures."""

_SHOWN_NUMBERS = 4
"""Numbers of a vector that are printed as text."""


class AnswerFormat(StrEnum):
    """Output formats of an answer."""

    TEXT = "text"
    JSON = "json"


WordsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PICTURE]... TEXT...",
        help="The question, or - for stdin; for image, the pictures first; for rerank "
        "and score, the query first.",
    ),
]
KindArgument = Annotated[
    Kind,
    typer.Argument(metavar="KIND", help="Kind of request; generate is for api_server."),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="A LoRA adapter or another served name.",
        show_default=False,
    ),
]
BodyOption = Annotated[
    str | None,
    typer.Option(
        "--json",
        help="File with the body, or - for stdin; options are added to it.",
        metavar="FILE",
    ),
]
CurlOption = Annotated[
    bool,
    typer.Option(
        "--curl", help="Print the curl command, without the key, and send nothing."
    ),
]


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
        AnswerFormat,
        typer.Option("--format", help="The text, or the JSON of the server."),
    ] = AnswerFormat.TEXT,
    **parameters: Any,
) -> None:
    """Send a request to a service.

    The model name, the port and the API key come from the stack. A request that the
    service would refuse is not sent.

    Exit code 0 for an answer, 1 if the request is refused or fails, 2 for wrong
    usage, 3 if the stack file has errors or the service cannot be reached.

    Examples:
      ascend-vllm request dev qwen2-7b chat "hello" --max-tokens 100 --stream
      ascend-vllm request dev llava image photo.png "图片内容是什么"
      ascend-vllm request dev qwen2-7b chat "hello" --curl
    """
    resolved = open_stack(stack)
    refuse_errors(resolved, service)
    target = pick_service(resolved, service)
    fields = body_fields({**parameters, "model": model})
    request = _request(target, kind, words or [], fields, body)
    _report(check_request(request, target))
    options = ConnectOptions(url, api_key_file, timeout, say=say)
    if print_curl:
        has_key = target.server.api_key is not None
        typer.echo(curl(request, address(target, options), key=has_key))
        return
    answer = run(_send(request, target, options, form), target)
    if not answer.ok:
        _end_with_error(request, answer)
    if form is AnswerFormat.TEXT and request.kind in POOLING:
        _print_numbers(answer)
    elif form is AnswerFormat.TEXT:
        _print_texts(request, answer)
    say(timing(answer))
    if "length" in answer.ends:
        say("the answer ends at max_tokens; --max-tokens allows more")


def timing(answer: Answer) -> str:
    """The duration of an answer: `21 tokens in 0.41 s (ttft 92 ms, 31 tok/s)`."""
    text = f"{answer.seconds:.2f} s"
    if answer.tokens:
        text = f"{answer.tokens} tokens in {text}"
    speed = []
    is_stream = len(answer.pieces) > 1
    if is_stream and answer.first is not None:
        speed.append(f"ttft {answer.first * 1000:.0f} ms")
    if is_stream and answer.tokens_per_second:
        speed.append(f"{answer.tokens_per_second:.0f} tok/s")
    if speed:
        text += f" ({', '.join(speed)})"
    return text


def _request(
    service: ResolvedService,
    kind: Kind,
    words: Sequence[str],
    fields: dict[str, Any],
    file: str | None,
) -> Request:
    """The request that arguments and options describe."""
    try:
        if file is None:
            return _request_of_words(service, kind, words, fields)
        if words:
            raise CommandError(
                "a request has either --json or TEXT", "remove TEXT, or --json"
            )
        source = "stdin" if file == "-" else file
        return raw(kind, service, _read(file), fields, source)
    except BadInputError as problem:
        raise CommandError(problem.message, problem.fix) from None


def _request_of_words(
    service: ResolvedService, kind: Kind, words: Sequence[str], fields: dict[str, Any]
) -> Request:
    if kind in POOLING:
        return _pooling_request(service, kind, words, fields)
    *pictures, text = words or [""]
    if not text:
        raise CommandError(
            "there is no question", "add TEXT, - for standard input, or --json FILE"
        )
    if kind is Kind.IMAGE and not pictures:
        raise CommandError(
            "image needs a picture and a text", "name the pictures, then the text"
        )
    if kind is not Kind.IMAGE and pictures:
        raise CommandError(f"{kind} takes only one text", "write one TEXT, in quotes")
    if text == "-":
        text = _read("-")
    urls = [data_url(Path(picture)) for picture in pictures]
    return question(kind, service, text, fields, urls)


def _pooling_request(
    service: ResolvedService, kind: Kind, words: Sequence[str], fields: dict[str, Any]
) -> Request:
    if not words:
        raise CommandError("there is no text", "add TEXT, or --json FILE")
    if kind is not Kind.EMBED and len(words) == 1:
        raise CommandError(
            f"{kind} needs a query and documents", "write the query, then the documents"
        )
    return pooling(kind, service, words, fields)


def _read(file: str) -> str:
    try:
        return read_named(file, _MOST_BYTES).decode("utf-8")
    except OSError as problem:
        raise CommandError(
            f"{file} cannot be read: {problem.strerror}", "name a readable file"
        ) from None
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not UTF-8", "convert it to UTF-8") from None


def _report(findings: Sequence[Finding]) -> None:
    """Print findings about a request, and end if one of them is an error."""
    if findings:
        texts_of_findings = [refusal_text(finding) for finding in findings]
        typer.echo(
            coloured("\n\n".join(texts_of_findings), stream=sys.stderr), err=True
        )
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(ExitCode.FOUND)


async def _send(
    request: Request,
    service: ResolvedService,
    options: ConnectOptions,
    form: AnswerFormat,
) -> Answer:
    async with reached(service, options) as link:
        finding = await too_long(link, request, service)
        if finding:
            _report([finding])
        return await send(link, request, _printer(request, form))


def _printer(request: Request, form: AnswerFormat) -> Callable[[Piece], None]:
    """A function that prints the pieces of an answer while they arrive."""
    if form is AnswerFormat.JSON:
        return _print_json
    if not _is_printed_in_pieces(request):
        return lambda _piece: None
    prompt = ""
    if request.kind is Kind.GENERATE:
        prompt = str(request.body.get("prompt", ""))
    printed = ""

    def print_text(piece: Piece) -> None:
        nonlocal printed
        text = texts(piece.data, prompt).get(0, "")
        if "text" in piece.data:  # /generate sends the whole text each time
            text = text.removeprefix(printed)
        printed += text
        typer.echo(text, nl=False)

    return print_text


def _print_json(piece: Piece) -> None:
    typer.echo(json.dumps(piece.data, ensure_ascii=False))


def _is_printed_in_pieces(request: Request) -> bool:
    """Whether the text of the answer is printed while it arrives; several answers are printed at the end."""
    answers = request.body.get("n") or 1
    return bool(request.body.get("stream")) and answers == 1


def _print_texts(request: Request, answer: Answer) -> None:
    if len(answer.texts) > 1:
        for index, text in sorted(answer.texts.items()):
            typer.echo(f"[{index}] {text}")
    elif answer.texts and request.body.get("stream"):
        typer.echo()  # the text is printed already
    elif answer.texts:
        typer.echo(answer.text)


def _print_numbers(answer: Answer) -> None:
    """A line for each vector or score."""
    for index, vector in enumerate(vectors(answer.data)):
        beginning = ", ".join(f"{number:.4g}" for number in vector[:_SHOWN_NUMBERS])
        typer.echo(f"[{index}] {len(vector)} numbers: {beginning}, …")
    for index, score in scores(answer.data):
        typer.echo(f"[{index}] {score:.4f}")


def _end_with_error(request: Request, answer: Answer) -> NoReturn:
    if answer.text and request.body.get("stream"):
        typer.echo(err=True)
    reason = str(answer.error)
    if answer.status != 200:
        reason = f"the server answers {answer.status}: {reason}"
    typer.echo(f"error: {reason}", err=True)
    raise typer.Exit(ExitCode.FOUND)
