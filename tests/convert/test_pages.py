"""Pages with commands in blocks of code: each server of a page is a service."""

from __future__ import annotations

from convert import Conversion, File, Options, convert_files
from tests.convert.pairs import places, said, services
from tests.convert.test_vllm_serve import IMAGE

PAGE = f"""\
# Several NPUs

::::{{tab-set}}
```{{code-block}} bash
   :substitutions:
export IMAGE=quay.io/ascend/vllm-ascend:|vllm_ascend_version|
docker run --name npu --device /dev/davinci0 --device /dev/davinci1 -it $IMAGE bash
```
```{{code-block}} bash
docker run --name npu-a3 --device /dev/davinci0 -it {IMAGE}-a3 bash
```
::::

```bash
export HCCL_OP_EXPANSION_MODE=AIV
```

```python
from vllm import LLM  # vllm serve /data/Qwen3-4B
```

```bash
vllm serve /data/Qwen3-8B --max-model-len 4096 --port 8113
```

The output:

```
INFO 02-19 08:37:35 vllm is ready
```

Or a larger model:

~~~shell-session
root@host:/workspace# vllm serve /data/Qwen3-32B --max-model-len 8192 -tp 2
~~~

```shell
curl http://localhost:8000/v1/completions -d '{{"model": "vllm"}}'
```
"""
HTML = f"""\
<h1>Serve</h1>
<div class="highlight-bash"><pre><span>docker</span> run -d --name q &#45;&#45;device /dev/davinci0 {IMAGE} \\
  vllm serve /data/Qwen3-8B --max-model-len 4096 &amp;&amp; echo ok
</pre></div>
<div class="highlight-python"><pre>vllm serve /data/Qwen3-4B</pre></div>
<pre><code class="language-bash">vllm<span> </span>serve /data/Qwen3-32B --max-model-len 4096 -tp 2</code></pre>
"""


def converted(name: str, text: str) -> Conversion:
    filled = {"image": IMAGE, "vllm_ascend_version": "v0.23.0"}
    return convert_files([File(name, text)], Options(context="prod", filled=filled))


def test_each_server_of_a_page_is_a_service_in_the_last_container() -> None:
    conversion = converted("page.md", PAGE)
    found = services(conversion)

    assert [*found] == ["npu", "npu-2"]
    assert [values["model"] for values in found.values()] == ["/data/Qwen3-8B", "/data/Qwen3-32B"]
    for values in found.values():
        assert values["image"] == "quay.io/ascend/vllm-ascend:v0.23.0"
        assert values["npus"] == 2
        assert values["env"] == {"HCCL_OP_EXPANSION_MODE": "AIV"}


def test_a_container_that_no_server_of_a_page_uses_is_lost() -> None:
    conversion = converted("page.md", PAGE)

    assert "stands for another one" in said(conversion, "dropped")["docker run"]
    assert places(conversion)["docker run"] == "page.md:10"


def test_the_code_of_a_page_in_html_is_read() -> None:
    found = services(converted("page.html", HTML))

    assert {name: values["model"] for name, values in found.items()} == {
        "q": "/data/Qwen3-8B",
        "page-2": "/data/Qwen3-32B",
    }


def test_the_objects_of_a_page_are_read() -> None:
    compose = f"services:\n  q:\n    image: {IMAGE}\n    command: vllm serve /data/Qwen3-8B --max-model-len 4096\n"
    conversion = converted("README.md", f"# Compose\n\n```yaml\n{compose}```\n\nRun `vllm` with it.\n")

    assert [*services(conversion)] == ["q"]
    assert places(conversion)["a Deployment"] == "README.md:5"


def test_the_output_of_a_server_is_no_command() -> None:
    log = "INFO 02-19 08:37:35 vllm is ready\nWARNING the port is used"
    page = f"```\n{log}\n```\n```bash\nvllm serve /data/Qwen3-8B --max-model-len 4096\n```\n"

    assert said(converted("page.md", page), "dropped") == {}
