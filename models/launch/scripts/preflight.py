"""Compare a node and the weights with the needs of a service, before its server loads for minutes.

It only reads, and ends within ten seconds. A fact that cannot be read is skipped: only a fact that contradicts the
service ends the pod's start. Run with the image's own Python, 3.8 or later, and nothing but its standard library.
"""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import sys
import threading
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple, Sequence

SECONDS = 8.0
"""Longest time to read. A file system that does not answer must not hold the pod."""

LONGEST = 1 << 20
"""Most bytes of a file that are read. Larger files are skipped."""

MOST_DEVICES = 4096
LONGEST_PART = 600
"""Characters of each part of a sentence. Kubernetes keeps 2048 bytes of them."""

SOCS = {"0xd100": "310", "0xd500": "310p", "0xd801": "910", "0xd802": "a2", "0xd803": "a3", "0xd806": "950dt"}
"""Types of NPU by the PCI device of vendor 0x19e5: Huawei's driver (log collection script), and triton-ascend."""

DEVICE_NODES = re.compile(r"davinci[0-9]+|davinci_manager|devmm_svm|hisi_hdc")
PLAIN = re.compile(r"[\w.+-]{1,64}")
"""Texts from files that a sentence may contain."""


class Problem(NamedTuple):
    """A fact that contradicts the service."""

    message: str
    why: str
    fix: str


class SkippedError(Exception):
    """A fact that cannot be read."""


class Tree(NamedTuple):
    """The files that the container sees."""

    root: str

    def path(self, path: str) -> Path:
        """A path of the container; with another root, below that."""
        return Path(self.root + path)

    def read(self, path: str) -> bytes:
        """The content of a regular file.

        Raises:
            SkippedError: It is missing, not a file, too large or not readable.
        """
        try:
            if not stat.S_ISREG(self.path(path).stat().st_mode):
                raise SkippedError(f"{path} is not a file")
            with self.path(path).open("rb") as file:
                content = file.read(LONGEST + 1)
        except (OSError, ValueError) as problem:
            raise SkippedError(f"{path}: {reason(problem)}") from None
        if len(content) > LONGEST:
            raise SkippedError(f"{path} has more than {LONGEST} bytes")
        return content

    def text(self, path: str) -> str:
        """The content of a text file, whatever its encoding; raises as `read`."""
        content = self.read(path)
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return content.decode(encoding, errors="replace")

    def names(self, directory: str) -> list[str]:
        """The names in a directory; none if it cannot be read."""
        try:
            return sorted(entry.name for entry in islice(self.path(directory).iterdir(), MOST_DEVICES))
        except OSError:
            return []


Check = Callable[[Tree, Any], Iterator[Problem]]


def main(arguments: Sequence[str]) -> int:
    """Print the facts that contradict the service, and the skipped ones; 1 if a fact contradicts it."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    expected = json.loads(arguments[0])
    root = arguments[1] if len(arguments) > 1 else ""
    tree = Tree(root)
    problems: list[Problem] = []
    skipped: list[str] = []
    done = threading.Event()

    def run() -> None:
        for check in CHECKS:
            problems.extend(problems_of(check, tree, expected, skipped))
        done.set()

    threading.Thread(target=run, daemon=True).start()
    if not done.wait(expected.get("seconds", SECONDS)):
        skipped.append("the rest, because a file system does not answer")
    reported = [*problems]  # the thread may still add to both lists
    for fact in dict.fromkeys([*skipped]):
        say(f"skipped: {plain(fact)}")
    for problem in reported:
        say(f"error: {plain(problem.message)}; why: {plain(problem.why)}; fix: {plain(problem.fix)}")
    if reported:
        return 1
    say("nothing contradicts the service")
    return 0


def problems_of(check: Check, tree: Tree, expected: Any, skipped: list[str]) -> list[Problem]:
    """The problems that a check finds. A fact that it cannot read is added to `skipped`."""
    try:
        return [*check(tree, expected)]
    except SkippedError as fact:
        skipped.append(str(fact))
    except Exception as problem:  # noqa: BLE001  an error in here must not stop a server that could start
        skipped.append(f"{check.__name__}: {problem!r}")
    return []


def driver_version(tree: Tree, expected: Any) -> Iterator[Problem]:
    """The driver of the node is not older than the service needs."""
    wanted = expected.get("driver")
    if not wanted or not wanted.get("minimum"):
        return
    path = f"{wanted['directory']}/version.info"
    actual = value_of(tree.text(path), "Version")
    order = compared(actual, wanted["minimum"])
    if order is None:
        raise SkippedError(f"{path} names no release of the driver")
    if order < 0:
        instead = wanted["instead"].replace("DRIVER", actual)
        yield Problem(
            f"the driver of the node is {actual}, older than {wanted['minimum']} of {wanted['source']}",
            wanted["why"],
            f"update the driver of the node to {wanted['minimum']} or later, or {instead}",
        )


def soc_of_image(tree: Tree, expected: Any) -> Iterator[Problem]:
    """The image is built for the NPUs of the node."""
    wanted = expected.get("soc")
    if not wanted:
        return
    types = socs(tree)
    if not types:
        raise SkippedError("/sys/bus/pci/devices shows no known type of NPU")
    if wanted["image"] in types:
        return
    names = " and ".join(types)
    other = wanted["images"].get(types[0])
    fix = f"write image: {other}" if other else f"choose an image for {names}"
    yield Problem(
        f"the image is built for {wanted['image']}, and the NPUs of the node are {names}",
        "an image is built for one type of NPU; on another type, the worker stops",
        f"{fix}, or choose nodes with {wanted['image']} by cluster.platform.nodeSelector",
    )


def network_addresses(tree: Tree, expected: Any) -> Iterator[Problem]:
    """hccn.conf is not empty if several NPUs communicate. NPUs of type 310P have no network ports."""
    wanted = expected.get("hccn")
    if not wanted or wanted["npus"] < 2 or "310p" in (wanted["soc"], *socs(tree)):
        return
    if any(is_setting(line) for line in tree.text(wanted["path"]).splitlines()):
        return
    yield Problem(
        f"{wanted['path']} has no address of an NPU, and {wanted['npus']} NPUs of the service communicate over HCCL",
        "HCCL reads the addresses of the NPUs' network ports from it; without them, a server hangs or returns garbage",
        "write the addresses on the node with hccn_tool, or correct cluster.platform.hccnConf",
    )


def rights_of_user(tree: Tree, expected: Any) -> Iterator[Problem]:
    """A user other than root may use the driver and the NPUs, which belong to the group HwHiAiUser of the node."""
    wanted = expected.get("driver")
    if not wanted or os.geteuid() == 0:
        return
    groups = sorted({*os.getgroups(), os.getegid()})
    for path, mode in used_by_server(tree, wanted["directory"]):
        owner = group_of(tree, path)
        if owner is None or owner in groups or os.access(tree.path(path), mode):
            continue
        group = group_of_driver(tree, expected.get("installInfo"))
        fix = f"write cluster.platform.group: {owner}"
        if owner == 0:
            fix = f"give {path} to the group {group} on the node, or write runAsUser: 0"
        yield Problem(
            f"user {os.geteuid()} may not use {path}: it belongs to group {owner}, and the pod has the groups {groups}",
            f"the driver and the NPUs belong to the group {group} of the node",
            fix,
        )
        return


def quantization_of_weights(tree: Tree, expected: Any) -> Iterator[Problem]:
    """The release loads weights of this quantization."""
    wanted = expected.get("weights")
    if not wanted or not wanted.get("methods"):
        return
    config = config_json(tree, wanted)
    settings = config.get("quantization_config") or config.get("compression_config")
    method = settings.get("quant_method") if isinstance(settings, dict) else None
    if not isinstance(method, str) or not PLAIN.fullmatch(method):
        return
    method = method.lower()
    if method in wanted["methods"] or config.get("model_type") == wanted["unquantized"].get(method, ""):
        return
    yield Problem(
        f"the weights in {wanted['shown']} are quantized with {method}: {wanted['release']} cannot load them",
        wanted["methodsWhy"],
        "use weights that are not quantized, or weights of msModelSlim with quantization: ascend",
    )


def model_of_weights(tree: Tree, expected: Any) -> Iterator[Problem]:
    """The weights are those of the model that the stack file names."""
    wanted = expected.get("weights")
    if not wanted or not wanted.get("facts"):
        return
    config = config_json(tree, wanted)
    differences = []
    for fact in wanted["facts"]:
        actual = next((config[name] for name in fact["names"] if config.get(name) is not None), None)
        comparable = type(actual) is type(fact["value"])
        if isinstance(actual, str) and not PLAIN.fullmatch(actual):
            comparable = False
        if comparable and actual != fact["value"]:
            differences.append(f"{fact['key']} {actual} instead of {fact['value']}")
    if differences:
        yield Problem(
            f"config.json in {wanted['shown']} is not that of {wanted['model']}: {', '.join(differences)}",
            "the memory, the parallel sizes and the limits of the service were checked for another model",
            "correct model.source or model.name; if these are the right weights, write model.configJson",
        )


def description_of_quantization(tree: Tree, expected: Any) -> Iterator[Problem]:
    """The file that the method of quantization needs is next to the weights."""
    wanted = expected.get("weights")
    if not wanted or not wanted.get("required"):
        return
    config_json(tree, wanted)
    path = f"{wanted['directory']}/{wanted['required']}"
    if os.path.lexists(tree.path(path)):
        return
    yield Problem(
        f"quantization is {wanted['quantization']}, and {wanted['shown']} has no {wanted['required']}",
        wanted["requiredWhy"],
        "remove quantization, or use weights that msModelSlim has quantized",
    )


CHECKS: tuple[Check, ...] = (
    driver_version,
    soc_of_image,
    rights_of_user,
    network_addresses,
    quantization_of_weights,
    description_of_quantization,
    model_of_weights,
)


def config_json(tree: Tree, weights: Any) -> Any:
    """The content of config.json; of a multimodal model, with the values of its text model.

    Raises:
        SkippedError: It cannot be read, or is not a JSON object.
    """
    path = f"{weights['directory']}/config.json"
    try:
        config = json.loads(tree.read(path).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise SkippedError(f"{path} is not JSON") from None
    if not isinstance(config, dict):
        raise SkippedError(f"{path} is not a JSON object")
    model_type = config.get("model_type")
    for key in weights["textModels"]:
        if isinstance(config.get(key), dict):
            config = {**config, **config[key], "model_type": model_type}
            break
    return config


def socs(tree: Tree) -> list[str]:
    """The types of the NPUs that the PCI bus of the node has."""
    types = set()
    for name in tree.names("/sys/bus/pci/devices"):
        try:
            vendor = tree.text(f"/sys/bus/pci/devices/{name}/vendor").strip().lower()
            device = tree.text(f"/sys/bus/pci/devices/{name}/device").strip().lower()
        except SkippedError:
            continue
        if vendor == "0x19e5" and device in SOCS:
            types.add(SOCS[device])
    return sorted(types)


def used_by_server(tree: Tree, driver: str) -> Iterator[tuple[str, int]]:
    """The parts of the driver and the devices that the server uses, and how."""
    yield driver, os.R_OK | os.X_OK
    yield f"{driver}/lib64", os.R_OK | os.X_OK
    yield f"{driver}/version.info", os.R_OK
    for name in tree.names("/dev"):
        if DEVICE_NODES.fullmatch(name):
            yield f"/dev/{name}", os.R_OK | os.W_OK


def group_of(tree: Tree, path: str) -> int | None:
    """The number of the group that a file belongs to; None if it cannot be seen."""
    try:
        return tree.path(path).stat().st_gid
    except OSError:
        return None


def is_setting(line: str) -> bool:
    """Whether a line is `key=value`, and not empty or a comment."""
    key, _, value = line.replace("\0", " ").partition("#")[0].partition("=")
    return bool(key.strip() and value.strip())


def group_of_driver(tree: Tree, install_info: str | None) -> str:
    """The name of the group for which the driver is installed."""
    try:
        name = value_of(tree.text(install_info), "UserGroup") if install_info else ""
    except SkippedError:
        name = ""
    return name if PLAIN.fullmatch(name) else "HwHiAiUser"


def value_of(text: str, key: str) -> str:
    """The value of `key=value` in a file of the driver; empty if it has none."""
    match = re.search(rf"^[^\S\n]*{key}[^\S\n]*=[^\S\n]*\"?([^\"\s]*)", text, re.MULTILINE)
    return match[1] if match else ""


def compared(actual: str, minimum: str) -> int | None:
    """-1, 0 or 1 if a release of the driver is older than, equal to, or newer than another one; None if unknown."""
    left, right = parts(actual), parts(minimum)
    if left is None or right is None:
        return None
    length = max(len(left), len(right))
    padding = [(1, 0)] * length
    left = [*left, *padding][:length]
    right = [*right, *padding][:length]
    if left == right:
        return 0
    return -1 if left < right else 1


def parts(version: str) -> list[tuple[int, int]] | None:
    """The parts of a release such as 25.5.1 or 24.1.rc3. The year comes first. A release candidate is older."""
    if not re.fullmatch(r"[0-9]{2}(\.(rc)?[0-9]{1,6}){1,5}", version, re.IGNORECASE | re.ASCII) or version < "20":
        return None
    numbers = []
    for part in version.lower().split("."):
        is_final = not part.startswith("rc")
        numbers.append((int(is_final), int(part.strip("rc"))))
    return numbers


def reason(problem: Exception) -> str:
    """Why a file cannot be read."""
    return str(getattr(problem, "strerror", None) or problem)


def plain(text: str) -> str:
    """A text on one line, without characters that no terminal shows."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= LONGEST_PART else f"{line[:LONGEST_PART]} ..."


def say(text: str) -> None:
    """One line of the container's log, whatever the encoding of its output."""
    sys.stdout.buffer.write(f"preflight: {text}\n".encode("utf-8", errors="replace"))


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except Exception as problem:  # noqa: BLE001  such as a container runtime that allows no thread
        say(f"skipped: {problem!r}")
        code = 0
    sys.stdout.flush()
    os._exit(code)
