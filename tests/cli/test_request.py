"""`request`: what is printed, what is refused, and how it ends; the server is as strict as vLLM 0.6.3."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Console, Serve
from tests.client.conftest import PIXEL

pytestmark = pytest.mark.slow


def test_the_answer_is_data_and_its_times_are_talk(serve: Serve, console: Console) -> None:
    done = console("request", "prod.yaml", "qwen", "chat", "hello", "--max-tokens", "3", "--url", serve().url)

    assert (done.code, done.out) == (0, "word1 word2 word3\n")
    assert done.err.splitlines()[0].startswith("3 tokens in 0.")
    assert done.err.splitlines()[1] == "the answer ends at max_tokens; --max-tokens allows more"


def test_a_stream_is_printed_piece_by_piece(serve: Serve, console: Console) -> None:
    server = serve(pace=0.001)
    done = console(
        "request", "prod.yaml", "free", "complete", "a", "--stream", "--max-tokens", "4", "--url", server.url
    )

    assert (done.code, done.out) == (0, "word1 word2 word3 word4\n")
    assert "ttft" in done.err
    assert "tok/s" in done.err


def test_the_plain_servers_stream_is_printed_without_prompt_and_repetition(serve: Serve, console: Console) -> None:
    url = serve(kind="api_server").url
    done = console("request", "prod.yaml", "plain", "generate", "hello", "--stream", "--max-tokens", "4", "--url", url)

    assert (done.code, done.out) == (0, "word1 word2 word3 word4\n")


def test_several_answers_are_numbered(serve: Serve, console: Console) -> None:
    url = serve().url
    for more in ([], ["--stream"]):
        done = console(
            "request", "prod.yaml", "free", "chat", "a", "--n", "2", "--max-tokens", "1", "--url", url, *more
        )

        assert (done.code, done.out) == (0, "[0] word1\n[1] word1\n")


def test_json_is_the_json_of_the_server(serve: Serve, console: Console) -> None:
    url = serve().url
    whole = console("request", "prod.yaml", "qwen", "chat", "hello", "--format", "json", "--url", url)
    parts = console("request", "prod.yaml", "qwen", "chat", "hello", "--format", "json", "--stream", "--url", url)

    assert json.loads(whole.out)["object"] == "chat.completion"
    assert [json.loads(line) for line in parts.out.splitlines()][-1]["usage"]["completion_tokens"] == 16


def test_every_option_is_a_field_of_the_body(serve: Serve, console: Console) -> None:
    server = serve()
    options = [
        *("--max-tokens", "5", "--temperature", "0.5", "--top-p", "0.9", "--top-k", "5", "--n", "2", "--best-of", "2"),
        *("--presence-penalty", "1", "--frequency-penalty", "-1", "--stop", "你", "--stop", "好", "--ignore-eos"),
    ]
    done = console("request", "prod.yaml", "free", "chat", "a", *options, "--url", server.url)

    assert done.code == 0
    assert server.asked[0][1] == {
        "model": "/m/Qwen2-7B",
        "messages": [{"role": "user", "content": "a"}],
        "max_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "n": 2,
        "best_of": 2,
        "presence_penalty": 1.0,
        "frequency_penalty": -1.0,
        "stop": ["你", "好"],
        "ignore_eos": True,
    }


def test_a_temperature_of_0_is_sent(serve: Serve, console: Console) -> None:
    server = serve()
    console("request", "prod.yaml", "free", "chat", "a", "--temperature", "0", "--stop", "x", "--url", server.url)

    assert (server.asked[0][1]["temperature"], server.asked[0][1]["stop"]) == (0.0, "x")


def test_a_lora_adapter_is_asked_by_its_name(serve: Serve, console: Console) -> None:
    server = serve()
    done = console("request", "prod.yaml", "qwen", "chat", "hello", "--model", "french", "--url", server.url)

    assert done.code == 0
    assert server.asked[0][1]["model"] == "french"


def test_pictures_are_sent_before_their_question(serve: Serve, console: Console, tmp_path: Path) -> None:
    server = serve()
    for name, kind in (("a.png", "image/png"), ("b", "image/webp")):
        (tmp_path / name).write_bytes(PIXEL[kind])
    done = console("request", "prod.yaml", "llava", "image", "a.png", "b", "图片内容是什么", "--url", server.url)

    assert done.code == 0
    parts = server.asked[0][1]["messages"][0]["content"]
    assert parts[0] == {"type": "text", "text": "图片内容是什么"}
    assert [part["image_url"]["url"][:16] for part in parts[1:]] == ["data:image/png;b", "data:image/webp;"]


def test_a_body_of_ones_own_is_sent_with_options_added(serve: Serve, console: Console, tmp_path: Path) -> None:
    server, body = serve(), {"messages": [{"role": "user", "content": "a"}], "min_tokens": 2}
    (tmp_path / "body.json").write_text(json.dumps(body), encoding="utf-8")
    sent = {**body, "model": "/m/Qwen2-7B", "top_k": 5}
    for file in ("body.json", "-"):
        done = console(
            "request", "prod.yaml", "qwen", "chat", "--json", file, "--top-k", "5", "--url", server.url,
            stdin=json.dumps(body).encode(),
        )  # fmt: skip

        assert done.code == 0
        assert server.asked.pop()[1] == sent


def test_the_question_may_come_from_standard_input(serve: Serve, console: Console) -> None:
    server = serve()
    console("request", "prod.yaml", "qwen", "complete", "-", "--url", server.url, stdin="你好".encode())

    assert server.asked[0][1]["prompt"] == "你好"


def test_what_would_be_refused_is_not_sent(serve: Serve, console: Console) -> None:
    server = serve(steps=8)
    done = console("request", "prod.yaml", "qwen", "chat", "a", "--guided-json", '{"type": "object"}', "--top-p", "2")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error[bad-value]: top_p 2.0 must be at most 1.0\n"
        "  --> --top-p\n"
        "   = why: the server answers 400 to another value (manual, Step 5, table 1)\n"
        "   = fix: write top_p: 0.9\n"
    )
    again = console("request", "prod.yaml", "qwen", "chat", "a", "--guided-json", '{"type": "object"}')
    assert again.err == (
        "error[multi-step-logits]: guided_json would stop the engine of qwen and fail all its requests\n"
        "  --> --guided-json\n"
        "  ::: prod.yaml:7   qwen · engine.numSchedulerSteps\n"
        "   = why: multi-step scheduling does not support logits processors "
        "(vllm/worker/multi_step_model_runner.py:822)\n"
        "   = fix: remove guided_json, or set engine.numSchedulerSteps: 1\n"
    )
    assert server.asked == []


def test_a_text_that_is_too_long_is_counted_and_not_sent(serve: Serve, console: Console) -> None:
    server = serve()
    done = console("request", "prod.yaml", "qwen", "chat", "word " * 4090, "--url", server.url)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error[too-long]: 4092 prompt tokens and max_t")
    assert [path for path, _ in server.asked] == ["/tokenize"]


def test_a_request_with_a_warning_is_sent(serve: Serve, console: Console) -> None:
    server = serve(kind="api_server")
    options = ["--use-beam-search", "--n", "2", "--temperature", "0"]
    done = console("request", "prod.yaml", "plain", "generate", "a", *options, "--url", server.url)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("warning[plain-beam-search]: /generate of vLLM 0.6.3 answers 500")
    assert done.err.endswith("error: the server answers 500: Internal Server Error\n")


def test_the_servers_own_error_is_shown(serve: Serve, console: Console) -> None:
    done = console("request", "prod.yaml", "qwen", "chat", "hello", "--url", serve(names=("other",)).url)

    assert (done.code, done.out) == (1, "")
    assert done.err == "error: the server answers 404: The model `/m/Qwen2-7B` does not exist.\n"


def test_an_answer_that_breaks_off_fails_after_what_came(serve: Serve, console: Console) -> None:
    done = console("request", "prod.yaml", "qwen", "chat", "hello", "--stream", "--url", serve(ends="half").url)

    assert done.code == 1
    assert done.out.startswith("word1")
    assert done.err == "\nerror: the connection broke before the end of the answer\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["qwen", "chat"], "there is no question"),
        (["qwen", "chat", ""], "there is no question"),
        (["qwen", "chat", "two", "texts"], "chat takes only one text"),
        (["llava", "image", "what?"], "image needs a picture and a text"),
        (["llava", "image", "none.png", "what?"], "none.png cannot be read: No such file or directory"),
        (["qwen", "chat", "a", "--json", "body.json"], "a request has either --json or TEXT"),
        (["qwen", "chat", "--json", "none.json"], "none.json cannot be read"),
        (["qwen", "chat", "--json", "-"], "stdin is not valid JSON"),
        (["nobody", "chat", "a"], "has no service 'nobody'"),
        (["guarded", "chat", "a", "--api-key-file", "none", "--url", "http://127.0.0.1:1"], "none cannot be read"),
        (["qwen", "chat", "a", "--guided-json", "none"], "none is neither a JSON object nor a readable file"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], message: str, serve: Serve, console: Console) -> None:
    serve()
    done = console("request", "prod.yaml", *arguments)

    assert (done.code, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize("option", [["--n", "two"], ["--timeout", "5"], ["--format", "xml"], ["--nonsense"]])
def test_options_of_another_type_end_with_2(option: list[str], serve: Serve, console: Console) -> None:
    serve()

    assert console("request", "prod.yaml", "qwen", "chat", "a", *option).code == 2


def test_a_service_that_cannot_be_reached_ends_with_3(serve: Serve, console: Console) -> None:
    serve()
    by_url = console("request", "prod.yaml", "qwen", "chat", "a", "--url", "http://127.0.0.1:1")
    by_cluster = console("request", "prod.yaml", "qwen", "chat", "a")

    assert (by_url.code, by_cluster.code) == (3, 3)
    assert by_url.err.startswith("error: http://127.0.0.1:1 does not answer: ")
    assert by_cluster.err.startswith("error: the kubeconfig has no context 'prod'")


def test_a_service_that_check_refuses_is_not_asked(serve: Serve, console: Console) -> None:
    done = console("request", "prod.yaml", "broken", "chat", "a", "--url", serve().url)

    assert (done.code, done.out) == (3, "")
    assert "error[visible-devices]" in done.err


def test_the_key_is_in_no_output(serve: Serve, console: Console, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-123456\n")
    server = serve(key="sk-123456")
    asked = ["request", "prod.yaml", "guarded", "chat", "a", "--api-key-file", "key", "--url"]
    outputs = [
        console(*asked, server.url),
        console(*asked, serve(key="other").url),
        console(*asked, "http://127.0.0.1:1"),
        console(*asked, server.url, "--curl"),
    ]

    assert [done.code for done in outputs] == [0, 1, 3, 0]
    assert server.authorizations == ["Bearer sk-123456"]
    assert not any("sk-123456" in done.out + done.err for done in outputs)


def test_the_curl_command_does_the_same_when_a_shell_runs_it(serve: Serve, console: Console) -> None:
    server = serve(key="sk-123456")
    done = console("request", "prod.yaml", "guarded", "chat", "it's 你好", "--n", "2", "--curl", "--url", server.url)
    environment = {**os.environ, "VLLM_API_KEY": "sk-123456", "no_proxy": "*"}
    ran = subprocess.run(["/bin/sh", "-c", done.out], capture_output=True, text=True, env=environment, check=True)

    assert len(json.loads(ran.stdout)["choices"]) == 2
    assert server.asked[0][1]["messages"] == [{"role": "user", "content": "it's 你好"}]


def test_help_names_every_parameter_with_its_purpose(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = console("request", "--help").out

    assert "Parameters of the request" in text
    assert "Most tokens of each answer" in text
    assert "Default 16." in text
