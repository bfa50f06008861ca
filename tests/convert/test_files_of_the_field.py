"""Files as people have them today: Compose files, `docker run` lines, scripts alone, and objects of several nodes."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
import yaml

from convert import Conversion, ConversionError, File, Options, convert_files
from tests.convert.pairs import comparison, resolved, said, service, services
from tests.convert.test_vllm_serve import IMAGE, deployment

pytestmark = pytest.mark.slow

SERVE = "vllm serve /data/Qwen3-32B --max-model-len 4096 --port 8113"
DOCKER = f"""\
export IMAGE={IMAGE}
docker run --rm --name Qwen_server -itd --net=host --shm-size=16g --privileged \\
  --device /dev/davinci0 --device /dev/davinci1 --device /dev/davinci_manager \\
  -v /data:/data -v /usr/local/Ascend/driver/lib64/:/usr/local/Ascend/driver/lib64/ -v cache:/root/.cache \\
  -e HCCL_OP_EXPANSION_MODE=AIV -p 9000:8113 --ulimit nproc=65535 \\
  $IMAGE"""
COMPOSE = f"""\
services:
  qwen:
    image: ${{IMAGE:-{IMAGE}}}
    command: {SERVE}
    environment: [A=1, B=$$HOME]
    volumes: ["/data:/data:ro"]
    devices: [/dev/davinci3:/dev/davinci3]
    shm_size: 16g
    ports: ["8113:8113"]
    restart: always
    depends_on: [proxy]
  proxy:
    image: nginx
"""


def converted(*files: tuple[str, str], **filled: str) -> Conversion:
    """The conversion of files in this order."""
    return convert_files([File(name, text) for name, text in files], Options(context="prod", filled=filled))


def refused(*files: tuple[str, str]) -> ConversionError:
    with pytest.raises(ConversionError) as error:
        converted(*files)
    return error.value


def test_a_docker_run_line_becomes_a_service() -> None:
    conversion = converted(("run.sh", f"{DOCKER} {SERVE}\n"))
    values = service(conversion)

    assert [*services(conversion)] == ["qwen-server"]
    assert values["image"] == IMAGE
    assert values["model"] == "/data/Qwen3-32B"
    assert values["npus"] == 2
    assert values["server"] == {"port": 8113}
    assert values["resources"] == {"shm": "16Gi"}
    assert values["env"] == {"HCCL_OP_EXPANSION_MODE": "AIV"}


def test_options_of_docker_are_replaced_or_lost_and_both_is_said() -> None:
    conversion = converted(("run.sh", f"{DOCKER} {SERVE}\n"))

    assert [*said(conversion, "replaced")] == ["the devices", "--net, --publish", "--privileged"]
    assert [*said(conversion, "dropped")] == ["--ulimit", "the mount /root/.cache"]
    assert conversion.loses


def test_a_server_that_is_started_in_the_shell_of_the_container_is_found() -> None:
    conversion = converted(("page.sh", f"{DOCKER} bash\nexport A=1\n{SERVE}\n"))

    assert service(conversion)["npus"] == 2
    assert service(conversion)["env"] == {"HCCL_OP_EXPANSION_MODE": "AIV", "A": "1"}


@pytest.mark.parametrize(
    ("options", "npus"),
    [
        ("-e ASCEND_VISIBLE_DEVICES=0-3", 4),
        ("--env=ASCEND_VISIBLE_DEVICES=0,5", 2),
        ("--device=/dev/davinci2:/dev/davinci0", 1),
    ],
)
def test_the_number_of_npus_follows_from_the_devices(options: str, npus: int) -> None:
    run = f"podman run {options} {IMAGE} {SERVE} -tp {npus}"

    assert resolved(converted(("run.sh", run))).npus == npus


def test_a_compose_service_becomes_a_service() -> None:
    conversion = converted(("compose.yaml", COMPOSE))
    values = service(conversion)

    assert values["image"] == IMAGE
    assert values["model"] == "/data/Qwen3-32B"
    assert values["resources"]["shm"] == "16Gi"
    assert values["env"]["A"] == "1"
    assert "this is a Docker Compose file" in said(conversion, "assumed")["Deployments"]
    assert [*said(conversion, "dropped")] == ["depends_on", "the Deployment proxy"]


def test_a_variable_of_a_compose_file_can_be_set() -> None:
    assert service(converted(("compose.yaml", COMPOSE), IMAGE="a/vllm-ascend:v0.18.0"))["image"] == (
        "a/vllm-ascend:v0.18.0"
    )


def test_a_script_alone_needs_only_its_image() -> None:
    conversion = converted(("serve.sh", f"{SERVE}\n"), image=IMAGE)

    assert service(conversion)["image"] == IMAGE
    assert not conversion.loses


def test_files_are_told_apart_by_their_content_in_any_order() -> None:
    objects = deployment(["bash", "/scripts/serve.sh"])
    conversion = converted(("serve.sh", SERVE), ("standard input", objects))

    assert service(conversion)["model"] == "/data/Qwen3-32B"


def test_several_files_of_objects_are_one_stack() -> None:
    one = deployment(SERVE.split())
    two = one.replace("name: qwen", "name: other")

    assert [*services(converted(("one.yaml", one), ("two.yaml", two)))] == ["qwen", "other"]


def test_arguments_alone_belong_to_the_entrypoint_of_the_image() -> None:
    objects = deployment(["/data/Qwen3-32B", "--max-model-len", "4096"]).replace("command:", "args:")
    conversion = converted(("qwen.yaml", objects))

    assert service(conversion)["model"] == "/data/Qwen3-32B"
    assert said(conversion, "assumed")["vllm serve"] == "the image's entrypoint is the server"


def test_a_dropped_key_of_requests_is_a_loss() -> None:
    conversion = converted(("qwen.yaml", deployment([*SERVE.split(), "--api-key", "sk-please-hide"])))

    assert conversion.loses
    assert "sk-please-hide" not in conversion.text + repr(conversion.notes)


def with_kind(kind: str, group: str, spec: dict[str, Any]) -> str:
    return yaml.safe_dump({"apiVersion": group, "kind": kind, "metadata": {"name": "big"}, "spec": spec})


POD = yaml.safe_load(deployment(SERVE.split()))["spec"]["template"]


def test_a_volcano_job_with_one_task_becomes_a_service() -> None:
    task = {"name": "server", "replicas": 2, "template": POD}
    job = with_kind("Job", "batch.volcano.sh/v1alpha1", {"queue": "team", "minAvailable": 2, "tasks": [task]})
    conversion = converted(("job.yaml", job))

    assert service(conversion)["replicas"] == 2
    assert service(conversion)["minMember"] == 2
    assert service(conversion)["queue"] == "team"


def test_a_leader_worker_set_of_one_pod_becomes_a_service() -> None:
    group = {"replicas": 2, "leaderWorkerTemplate": {"size": 1, "workerTemplate": POD}}

    assert (
        service(converted(("lws.yaml", with_kind("LeaderWorkerSet", "leaderworkerset.x-k8s.io/v1", group))))["replicas"]
        == 2
    )


@pytest.mark.parametrize(
    ("objects", "sentence", "way"),
    [
        (
            with_kind("ModelServing", "workload.serving.volcano.sh/v1alpha1", {}),
            "prefill and decode",
            "one of its roles",
        ),
        (
            with_kind("KubeInfer", "infer.modelarts.huaweicloud/v1", {}),
            "is a KubeInfer of ModelArts",
            "kubectl get pod",
        ),
        (with_kind("InferenceService", "serving.kserve.io/v1beta1", {}), "InferenceService of KServe", "kubectl get"),
        ("servingEngineSpec: {modelSpec: []}\n", "these are values of a Helm chart", "helm template"),
        ("replicaCount: 1\nimage: {tag: v0.23.0}\n", "these are values of a Helm chart", "helm template"),
        ("config: {'ascend-vllm:services': {}}\n", "is a stack file already", "ascend-vllm check"),
        ("kind: Kustomization\nresources: [a.yaml]\n", "is a Kustomization", "kubectl kustomize"),
    ],
)
def test_other_files_are_refused_with_what_they_are_and_the_way(objects: str, sentence: str, way: str) -> None:
    error = refused(("big.yaml", objects))

    assert sentence in error.message
    assert way in error.fix


def test_a_script_that_another_container_writes_is_named() -> None:
    shared = [{"name": "shared", "mountPath": "/shared"}]
    value = yaml.safe_load(deployment(["bash", "-c", "bash /shared/start.sh"], volumeMounts=shared))
    spec = value["spec"]["template"]["spec"]
    spec["containers"].append({"name": "control", "image": "control:1", "volumeMounts": shared})
    spec["volumes"] = [{"name": "shared", "emptyDir": {}}]

    assert refused(("qwen.yaml", yaml.safe_dump(value))).message == (
        "the engine's command is written by another container at run time: /shared/start.sh"
    )


def test_parts_of_the_driver_need_no_mount_of_their_own() -> None:
    conversion = converted(("run.sh", f"{DOCKER} {SERVE}\n"))
    added = {one.name: one.new or "" for one in comparison(conversion).added}

    assert "/usr/local/Ascend/driver," in added["node files"]


def test_a_long_page_with_several_containers_gives_several_services() -> None:
    page = textwrap.dedent(f"""\
        docker run -d --name a -v /data:/data {IMAGE} {SERVE}
        docker run -d --name b -v /data:/data {IMAGE} {SERVE.replace("8113", "8114")}
        """)

    assert [*services(converted(("page.sh", page)))] == ["a", "b"]


def test_only_the_code_of_a_page_is_read() -> None:
    start = f"# Qwen3\n\nRun it's container:\n\n```bash\n{DOCKER} bash\n```\n"
    page = f"{start}\nThen:\n\n```\n{SERVE}\n```\nDone.\n"

    assert service(converted(("page.md", page)))["npus"] == 2


def test_placeholders_of_a_page_are_those_of_the_manual() -> None:
    script = "vllm serve <your-model> --max-model-len 4096 --port <port> --additional-config '{\"a\": 1}' > log.txt"
    page = f"```bash\n{script}\n```\nThe objects have kind: Deployment and\n---\n"
    conversion = converted(("page.md", page), your_model="/data/Qwen3-8B", port="8113", image=IMAGE)

    assert service(conversion)["model"] == "/data/Qwen3-8B"
    assert service(conversion)["server"] == {"port": 8113}
    assert service(conversion)["engine"]["additionalConfig"] == {"a": 1}


@pytest.mark.parametrize("redirection", ["< /dev/null", "2>&1 <&- > log", "<<EOF\n<a> b\nEOF"])
def test_input_of_a_command_is_no_placeholder(redirection: str) -> None:
    conversion = converted(("serve.sh", f"{SERVE} -tp 2 {redirection}\n"), image=IMAGE)

    assert service(conversion)["model"] == "/data/Qwen3-32B"
    assert not conversion.report.errors


def test_a_script_alone_gets_as_many_npus_as_it_sees_on_its_machine() -> None:
    conversion = converted(("serve.sh", f"export ASCEND_RT_VISIBLE_DEVICES=4,5\n{SERVE} -tp 2\n"), image=IMAGE)

    assert service(conversion)["npus"] == 2
    assert "visibleDevices" not in service(conversion)


def test_a_script_without_a_server_is_named() -> None:
    assert refused(("run.sh", "echo hello\n")).message == "no server of vLLM is started in run.sh"


def test_a_tag_of_another_release_of_the_manuals_image_is_told() -> None:
    objects = deployment(SERVE.split()).replace(IMAGE, "registry.example.com/ascend-vllm:v0.8.5.post1")
    rules = said(converted(("qwen.yaml", objects)), "assumed")["rules of vLLM 0.6.3"]

    assert rules == "the image's tag v0.8.5.post1 names another release, which the rules do not know"


def test_the_access_from_outside_of_the_cluster_is_kept() -> None:
    front = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front", "annotations": {"kubernetes.io/elb.class": "union"}},
        "spec": {"type": "LoadBalancer", "selector": {"model": "a"}, "ports": [{"port": 80, "nodePort": 30080}]},
    }
    value = yaml.safe_load(deployment(SERVE.split()))
    value["spec"]["template"]["metadata"] = {"labels": {"model": "a"}}
    conversion = converted(("qwen.yaml", yaml.safe_dump_all([value, front])))

    assert service(conversion)["expose"] == {
        "type": "LoadBalancer",
        "annotations": {"kubernetes.io/elb.class": "union"},
    }
    assert "the node port 30080" in said(conversion, "dropped")


UNIT = f"""\
[Unit]
Description=vLLM
[Service]
User=root
Environment="HCCL_OP_EXPANSION_MODE=AIV" TASK_QUEUE_ENABLE=1
EnvironmentFile=-/etc/vllm.env
ExecStart=/usr/bin/env {SERVE} \\
  --max-num-seqs 8
Restart=always
"""


def test_a_unit_of_systemd_becomes_a_service() -> None:
    conversion = converted(("qwen.service", UNIT), image=IMAGE)

    assert service(conversion)["model"] == "/data/Qwen3-32B"
    assert service(conversion)["engine"] == {"maxNumSeqs": 8, "maxModelLen": 4096}
    assert service(conversion)["env"] == {"HCCL_OP_EXPANSION_MODE": "AIV", "TASK_QUEUE_ENABLE": "1"}
    assert [*said(conversion, "dropped")] == ["EnvironmentFile /etc/vllm.env"]


def test_a_quoted_export_is_a_variable_of_the_server() -> None:
    conversion = converted(("serve.sh", f'export "A=b c" B=1\n{SERVE}\n'), image=IMAGE)

    assert service(conversion)["env"] == {"A": "b c", "B": "1"}


def test_the_address_of_a_machine_becomes_that_of_the_pod() -> None:
    flags = "--data-parallel-size 2 --data-parallel-size-local 2 --data-parallel-address 192.0.2.7"
    conversion = converted(("serve.sh", f"export HCCL_IF_IP=192.0.2.7 A=192.0.2.7\n{SERVE} {flags}\n"), image=IMAGE)

    assert service(conversion)["env"] == {"HCCL_IF_IP": {"field": "status.podIP"}, "A": "192.0.2.7"}
    assert {"HCCL_IF_IP 192.0.2.7", "--data-parallel-address"} <= {*said(conversion, "replaced")}
    assert "dataParallelAddress" not in conversion.text


def test_the_replicas_of_a_compose_service_are_kept() -> None:
    compose = COMPOSE.replace("    restart: always\n", "    deploy: {replicas: 3}\n")

    assert service(converted(("compose.yaml", compose)))["replicas"] == 3


@pytest.mark.parametrize(
    ("kind", "group", "way"),
    [
        ("PodDisruptionBudget", "policy/v1", "write disruptionBudget"),
        ("HorizontalPodAutoscaler", "autoscaling/v2", "write replicas: external"),
        ("ServiceMonitor", "monitoring.coreos.com/v1", "write monitoring: true"),
        ("Ingress", "networking.k8s.io/v1", "let it lead to the new Service"),
    ],
)
def test_an_object_that_is_lost_is_told_with_the_key_that_stands_for_it(kind: str, group: str, way: str) -> None:
    conversion = converted(("all.yaml", f"{deployment(SERVE.split())}---\n{with_kind(kind, group, {})}"))

    assert way in said(conversion, "dropped")[f"the {kind} big"]


def test_an_object_of_a_controller_is_refused_with_the_way() -> None:
    error = refused(("model.yaml", with_kind("ModelBooster", "workload.serving.volcano.sh/v1alpha1", {})))

    assert error.message == "model.yaml has no Deployment, but ModelBooster"
    assert "what their controller made" in error.fix


@pytest.mark.parametrize(
    ("kind", "group", "way"),
    [
        ("StormService", "orchestration.aibrix.ai/v1alpha1", "kubectl get pod NAME"),
        ("ClusterServingRuntime", "serving.kserve.io/v1alpha1", "inferenceservice=NAME"),
        ("VLLMRuntime", "production-stack.vllm.ai/v1alpha1", "kubectl get deployment NAME"),
        ("Template", "template.openshift.io/v1", "oc process -f FILE"),
    ],
)
def test_a_known_object_of_others_is_refused_with_its_own_way(kind: str, group: str, way: str) -> None:
    assert way in refused(("model.yaml", with_kind(kind, group, {}))).fix


def test_a_file_with_too_many_objects_is_refused_with_the_way() -> None:
    many = "---\n".join(
        f"kind: ConfigMap\nmetadata: {{name: a{index}}}\ndata: {{a: '{{{{b}}}}'}}\n" for index in range(4)
    )
    large = "kind: ConfigMap\ndata:\n" + "".join(f"  k{index}: v\n" for index in range(16_000))

    assert "write only the objects of the server" in refused(("all.yaml", f"{many}---\n{large}")).fix
