"""Bodies are made from user input and from the stack."""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path

import pytest

from client.body import BadInputError, data_url, picture_type, question, raw, schema
from client.curl import curl
from models.engines.requests import Kind
from tests.client.conftest import LORA, PIXEL, PLAIN, service_of
from tests.conftest import stack_of

SERVICE = service_of()


def test_a_chat_has_the_model_of_the_stack_and_the_defaults_of_the_manual() -> None:
    assert question(Kind.CHAT, SERVICE, "你好", {}).body == {
        "model": "qwen",
        "messages": [{"role": "user", "content": "你好"}],
        "max_tokens": 16,
        "temperature": 1.0,
    }


def test_without_a_served_name_the_model_is_the_path_of_its_weights() -> None:
    service = stack_of("q: {image: a:1, model: /m/Qwen2-7B, engine: {maxModelLen: 99}}").services[0]

    assert question(Kind.COMPLETE, service, "a", {}).body["model"] == "/m/Qwen2-7B"


def test_a_request_to_the_plain_server_has_no_model() -> None:
    body = question(Kind.GENERATE, service_of(PLAIN), "hello", {"temperature": 0.0, "stream": True}).body

    assert body == {"prompt": "hello", "max_tokens": 16, "temperature": 0.0, "stream": True}


def test_options_override_defaults_and_the_body() -> None:
    assert question(Kind.CHAT, service_of(LORA), "a", {"model": "french"}).body["model"] == "french"
    assert raw(Kind.CHAT, SERVICE, '{"n": 1, "top_k": 5}', {"n": 2}, "b").body == {"model": "qwen", "n": 2, "top_k": 5}


def test_a_stream_reports_its_tokens() -> None:
    body = question(Kind.CHAT, SERVICE, "a", {"stream": True}).body

    assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": False}


@pytest.mark.parametrize("text", ["", "{", "[]", '"a"'])
def test_a_body_that_is_not_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        raw(Kind.CHAT, SERVICE, text, {}, "body.json")


@pytest.mark.parametrize("kind", PIXEL)
def test_the_first_bytes_decide_the_format_of_a_picture(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(PIXEL[kind])

    assert picture_type(PIXEL[kind]) == kind
    assert data_url(file) == f"data:{kind};base64,{base64.b64encode(PIXEL[kind]).decode()}"


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"RIFF\0\0\0\0WAVE", b"<svg/>"])
def test_a_file_of_another_format_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(data)

    with pytest.raises(BadInputError, match="is not a JPEG, PNG or WebP picture"):
        data_url(tmp_path / "photo.png")
    with pytest.raises(BadInputError, match="cannot be read: No such file"):
        data_url(tmp_path / "none.png")


def test_a_request_with_a_picture_has_the_form_of_the_manual() -> None:
    body = question(Kind.IMAGE, SERVICE, "图片内容是什么", {}, ["data:image/png;base64,AA=="]).body

    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "图片内容是什么"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            ],
        }
    ]


def test_a_schema_is_read_from_text_or_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"title": "角色"}', encoding="utf-8")

    assert schema(' {"type": "object"}') == {"type": "object"}
    assert schema(str(tmp_path / "schema.json")) == {"title": "角色"}


@pytest.mark.parametrize("text", ["none.json", "{", "list.json"])
def test_a_schema_that_is_neither_text_nor_a_file_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.json").write_text("[]", encoding="utf-8")

    with pytest.raises(BadInputError):
        schema(text)


def test_curl_sends_the_same_request_and_reads_the_key_from_the_environment() -> None:
    asked = question(Kind.CHAT, SERVICE, "it's", {"stream": True})
    text = curl(asked, "http://localhost:8080", key=True)
    words = shlex.split(text.replace("\\\n", " "))

    assert words[:4] == ["curl", "-X", "POST", "http://localhost:8080/v1/chat/completions"]
    assert json.loads(words[-1]) == asked.body
    assert "Authorization: Bearer $VLLM_API_KEY" in words
    assert "--no-buffer" in words
    assert "Authorization" not in curl(asked, "http://a", key=False)


def test_curl_reads_a_long_body_from_standard_input() -> None:
    asked = question(Kind.IMAGE, SERVICE, "a", {}, ["data:image/png;base64," + "A" * 200_000])
    head, body, end = curl(asked, "http://a", key=False).rsplit("\n", 2)

    assert head.endswith("--data-binary @- <<'JSON'")
    assert json.loads(body) == asked.body
    assert end == "JSON"
