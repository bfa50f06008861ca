"""Errors of the system in a container: shared memory, ports, threads, disks and files."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_ISSUES = "https://github.com/vllm-project/vllm-ascend/issues"
_PYTHON = "https://docs.python.org/3/library/exceptions.html"

SYSTEM_ERRORS = (
    KnownError(
        id="vllm-port",
        pattern=(
            r"invalid literal for int\(\) with base 10: '(?:tcp|udp)://|VLLM_PORT.*appears to be a URI"
            r"|VLLM_PORT .*must be a valid"
        ),
        meaning="the variable VLLM_PORT is the address of a Service",
        why="Kubernetes sets VLLM_PORT=tcp://… in all pods of a namespace that has a Service named vllm",
        fix='rename the service vllm, or write VLLM_PORT: "8000" under env',
        source="https://github.com/vllm-project/vllm/issues/15613",
    ),
    KnownError(
        id="shm",
        pattern=(
            r"Bus error|unable to (?:open|write to|allocate) (?:shared memory|file </torch)"
            r"|No space left on device.*(?:/dev/shm|psm_)|(?:/dev/shm|psm_\w+).*No space left on device"
            r"|shm_open.*(?:failed|No space)|insufficient shared memory|\(shm\)"
        ),
        meaning="shared memory (/dev/shm) is too small",
        why="the engine's processes exchange data through /dev/shm, whose size is resources.shm",
        fix="raise resources.shm",
        source=f"{_ISSUES}/3717",
    ),
    KnownError(
        id="hang",
        pattern=r"No available shared memory broadcast block|RPC call to \w+ timed out",
        meaning="shared memory (/dev/shm) is too small, or a process of the engine hangs",
        why=(
            "the engine's processes exchange data through /dev/shm,"
            " and one of them did not read its part for 60 seconds"
        ),
        fix="raise resources.shm; if it is large, read the earlier lines of the other processes",
        source=f"{_ISSUES}/3717",
        weight="consequence",
    ),
    KnownError(
        id="port",
        pattern=(
            r"[Aa]ddress already in use|\[Errno 98\]|EADDRINUSE|error while attempting to bind on address"
            r"|Could not find open port"
        ),
        meaning="the port is in use",
        why="another process of the container listens on it, or one of the node if the pod uses the host network",
        fix="change server.port; do not use the host network",
        source="https://github.com/vllm-project/vllm/blob/v0.6.3/vllm/entrypoints/openai/api_server.py",
    ),
    KnownError(
        id="address",
        pattern=(
            r"\[Errno 99\]|Cannot assign requested address|\[Errno -[235]\]|Name or service not known"
            r"|Temporary failure in name resolution|gaierror"
        ),
        meaning="an address does not exist in the pod, or a name cannot be resolved",
        why="server.host, HCCL_IF_IP or a host name of another rank is not an address of this pod or cluster",
        fix="remove server.host; write HCCL_IF_IP: {field: status.podIP} under env",
        source="https://man7.org/linux/man-pages/man3/errno.3.html",
    ),
    KnownError(
        id="threads",
        pattern=r"can't start new thread|pthread_create failed|Resource temporarily unavailable|\[Errno 11\]",
        meaning="no thread can be started",
        why="the process limit is reached, or the runtime's seccomp profile is older than the image's libc (clone3)",
        fix=(
            "write cluster.seccomp: Unconfined or update the node's container runtime; or raise the kubelet's"
            " podPidsLimit"
        ),
        source="https://github.com/moby/moby/issues/42680",
    ),
    KnownError(
        id="files-limit",
        pattern=r"Too many open files|\[Errno 24\]",
        meaning="a process has too many open files",
        why="the limit of the container runtime is too low for weights, sockets and requests",
        fix="raise LimitNOFILE of the node's container runtime",
        source="https://man7.org/linux/man-pages/man2/getrlimit.2.html",
    ),
    KnownError(
        id="host-memory",
        pattern=(
            r"\bMemoryError\b|Cannot allocate memory|\[Errno 12\]|DefaultCPUAllocator: can't allocate|oom-kill"
            r"|bad_alloc|out of host memory"
        ),
        meaning="the container has too little host memory",
        why="weights, swap space and pinned memory pass through host memory, whose limit is resources.memory",
        fix="raise resources.memory, or lower swapSpace under engine.extraArgs",
        source=_PYTHON,
    ),
    KnownError(
        id="disk",
        pattern=r"No space left on device|\[Errno 28\]|Disk quota exceeded",
        meaning="a disk is full",
        why="a cache, a log or a core dump filled the node's disk or /dev/shm",
        fix="free disk space on the node, or raise resources.shm",
        source=f"{_ISSUES}/3717",
    ),
    KnownError(
        id="read-only",
        pattern=r"Read-only file system|\[Errno 30\]",
        meaning="a file cannot be written",
        why="the volume or the root of the container is read-only",
        fix="mount a writable directory there, or write to another path",
        source=_PYTHON,
    ),
    KnownError(
        id="permission",
        pattern=r"PermissionError|Permission denied|\[Errno 13\]",
        meaning="a file may not be read or written",
        why="the container's user has no right on the file that the line names",
        fix="change the rights of the file on the node, or remove runAsUser (the default is 0)",
        source=_PYTHON,
        weight="general",
    ),
    KnownError(
        id="libc",
        pattern=(
            r"version `GLIBC\w*_[\d.]+' not found|cannot allocate memory in static TLS block"
            r"|(?i:exec format error)"
        ),
        meaning="a program of the image does not fit the node",
        why="the image is for another architecture (arm64 or amd64), or a library is newer than the image's libc",
        fix="use the image for the node's architecture, without changed packages",
        source="https://github.com/pytorch/pytorch/issues/2575",
    ),
    KnownError(
        id="killed",
        pattern=r"\bSegmentation fault\b|Fatal Python error|SIGSEGV|core dumped|terminate called after",
        meaning="a native library crashed",
        why="often driver and CANN do not match, or an earlier error ended the process",
        fix="read the earlier lines; install the driver that docs/releases.md names",
        source=f"{_ISSUES}/5468",
        weight="consequence",
    ),
    KnownError(
        id="killed",
        pattern=r"terminated with signal SIGKILL|exit ?code:? -9\b|signal 9\b|^Killed$|line \d+:\s+\d+ Killed\s",
        meaning="a process of the engine was killed",
        why="usually the container used more memory than resources.memory, and the kernel ended a process",
        fix="raise resources.memory, or lower swapSpace under engine.extraArgs",
        source=_PYTHON,
        weight="consequence",
    ),
    KnownError(
        id="file",
        pattern=r"FileNotFoundError\b|NotADirectoryError|IsADirectoryError",
        meaning="a file is missing",
        why="the image, the node or the launch lacks the file that the line names",
        fix="correct the path in the stack file, or create the file there",
        source=_PYTHON,
        weight="general",
    ),
    KnownError(
        id="file",
        pattern=r"No such file or directory|: command not found|cannot open shared object file",
        meaning="a file is missing",
        why="the image, the node or the launch lacks the file that the line names",
        fix="correct the path in the stack file, or create the file there",
        source=_PYTHON,
        weight="doubt",
    ),
    KnownError(
        id="library",
        pattern=r"(?:ascend_transport|libmooncake\w*|mooncake\w*|libtransfer_engine\w*)\.so: cannot open shared object",
        meaning="a library of the KV cache transfer is not found",
        why="the loader does not search the directory of the image that has it",
        fix="write LD_LIBRARY_PATH: {prepend: /usr/local/lib} under env, and use the release's own image",
        source=f"{_ISSUES}/6949",
    ),
    KnownError(
        id="module",
        pattern=r"ModuleNotFoundError\b|No module named|ImportError\b|Could not load this library",
        meaning="a Python module is missing in the image",
        why="the image was changed or belongs to another release, or a library of CANN cannot be loaded",
        fix="use the release's own image without changed packages",
        source=f"{_ISSUES}/117",
        weight="general",
    ),
)
"""The errors of the system, the most specific first."""
