"""Errors of the communication between the NPUs (HCCL): the codes EI and EJ, and what torch_npu logs about them."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_ISSUES = "https://github.com/vllm-project/vllm-ascend/issues"
_CODES = "https://www.hiascend.com/document/"
"""The messages of HCCL say to look for their code there."""

COMMUNICATION_ERRORS = (
    KnownError(
        id="hccl-port",
        pattern=(
            r"EJ0003|EI0019|EI0020|listen on ip\[\S+\] and specific port\[\d+\] fail"
            r"|Failed to bind the IP port|Failed to enable listening for the (?:host|NPU) network"
            r"|Communication_Error_Bind_IP_Port|nic listen start failed"
        ),
        meaning="the port of the NPUs' communication is in use (HCCL)",
        why="two pods on the host network use the same port, or an old process still holds it",
        fix="write HCCL_IF_BASE_PORT: 61000 under env (another number in each pod), or end leftover processes",
        source=f"{_ISSUES}/405",
    ),
    KnownError(
        id="interface",
        pattern=r"InterfaceError: the (?:pod has no )?network interface",
        meaning="the network interface of the pods does not exist or is down",
        why="the servers of a group connect over cluster.interface, which is eth0 in a pod without the host network",
        fix="write cluster.interface: NAME, with an interface of the pod that the last line shows",
        source=_CODES,
    ),
    KnownError(
        id="rank-table",
        pattern=(
            r"EI0004|EI0014|EI0017|(?i:rank_?table?_?check)|ranktable (?:file|information|variable)"
            r"|RANK_TABLE_FILE.*(?:not exist|invalid|fail|error)|RankTable.*(?:invalid|fail|error)"
            r"|device[_ ]ip'? is not set"
        ),
        meaning="the rank table of the NPUs is wrong (HCCL)",
        why="its addresses or indexes differ from the pod's NPUs; one server in one pod needs no rank table",
        fix="remove RANK_TABLE_FILE from env, or correct the file",
        source=_CODES,
    ),
    KnownError(
        id="hccl-setting",
        pattern=(
            r"EI0001|EI0016|EJ0004|for environment variable HCCL_\w+ is invalid|env(?:ironment)? HCCL_\w+.*invalid"
            r"|HCCL_(?:SOCKET_IFNAME|IF_IP)\b.*(?:not found|invalid|fail|not exist)"
            r"|Unable to find (?:address|interface) for: \S+"
        ),
        meaning="a variable of the NPUs' communication has a wrong value (HCCL)",
        why="HCCL reads its HCCL_* variables once at the start and refuses values that it does not know",
        fix="correct or remove the HCCL_* or GLOO_* variable under env; write an address as {field: status.podIP}",
        source=_CODES,
    ),
    KnownError(
        id="network-down",
        pattern=(
            r"EJ0002|EI0013|EI0018|network port is down|error CQE|EI0012|SDMA memory copy task exception"
            r"|hccn\.conf.*(?:No such|not exist|fail)|link (?:is )?down"
        ),
        meaning="the network of an NPU does not work",
        why="a port or an optical module is down, or the other side ended before",
        fix=(
            "run hccn_tool -i 0 -link -g for each NPU of the node,"
            " mount /etc/hccn.conf, and read the lines of the other"
            " ranks"
        ),
        source=_CODES,
    ),
    KnownError(
        id="hccl-memory",
        pattern=(
            r"EI0011|EI0007|HCCL_BUFFSIZE.*(?:not enough|too (?:small|large)|insufficient)"
            r"|HCCL_BUFFSIZE is too SMALL"
        ),
        meaning="the NPUs' communication has too little memory (HCCL)",
        why="HCCL reserves buffers of HCCL_BUFFSIZE MiB on each NPU, in addition to weights and KV cache",
        fix="lower engine.gpuMemoryUtilization, or set HCCL_BUFFSIZE under env",
        source=_CODES,
    ),
    KnownError(
        id="other-rank",
        pattern=(
            r"SUSPECT REMOTE ERROR|\b507057\b|\b507055\b|remote (?:rank|device|process).*(?:died|exit|abnormal|error)"
            r"|EI0010.*[Rr]emote|WorkerProc initialization failed|Worker proc \S+ died unexpectedly"
            r"|Connection (?:closed|reset) by peer|peer (?:process )?(?:closed|exited|reset)"
            r"|recv\w*\(?\)? (?:failed|error).*Connection reset|Broken pipe|HCCL watchdog thread terminated"
            r"|ConnectionRefusedError: \[Errno 111\]"
        ),
        meaning="another rank ended first",
        why="this process only noticed it: the cause is in the earlier lines of another process or pod",
        fix="read the first error of the other ranks, with kubectl logs of each pod of the server",
        source=f"{_ISSUES}/12461",
        weight="consequence",
    ),
    KnownError(
        id="peer-timeout",
        pattern=(
            r"DistStoreError: wait timeout after|\[c10d\] waitForInput|Barrier (?:departure )?timed out after"
            r"|Application timeout caused pair closure|Timed out waiting \d+ms for (?:send|recv)"
            r"|Did not receive response from front-end process|waiting for engines to send initial message"
            r"|client socket has (?:failed to connect|timed out)|failed to recv, got 0 bytes"
            r"|connect\(\) timed out\. Original timeout|Failed to (?:broadcast barrier_id|signal barrier)"
        ),
        meaning="a process of the server did not reach another one in time",
        why="they meet over TCP at the first pod; another process ended, still loads its weights, or is not reachable",
        fix="read the lines of the other pods first; check the network policies and cluster.interface",
        source=f"{_ISSUES}/2248",
        weight="general",
    ),
    KnownError(
        id="hccl-timeout",
        pattern=(
            r"EI0006|EI0002|EI0015|Getting socket times out|wait socket establish timeout|notify wait timeout"
            r"|get socket timeout|Ranktable_Detect|\[ERROR\] HCCL.*[Tt]ime ?out|(?:hccl|HCCL)\w* .*[Tt]ime ?out"
            r"|HCCL_(?:CONNECT|EXEC)_TIMEOUT|DistStoreError: Timed out"
            r"|timed out (?:after \d+ms )?waiting for clients|Notify register waits"
            r"|Watchdog caught collective operation timeout"
        ),
        meaning="the NPUs did not connect to each other in time (HCCL)",
        why="a rank is missing or slow, or the NPU network does not connect them",
        fix=(
            "read the lines of the other ranks first; check /etc/hccn.conf and hccn_tool; raise"
            " HCCL_CONNECT_TIMEOUT under env"
        ),
        source=f"{_ISSUES}/5461",
        weight="general",
    ),
    KnownError(
        id="gloo",
        pattern=r"Gloo connectFullMesh failed|[Gg]loo.*(?:connect|timed? ?out).*(?:fail|error|waiting)",
        meaning="the processes of the engine did not connect over the pod's network (Gloo)",
        why="Gloo uses the interface of the host name, or that of GLOO_SOCKET_IFNAME; or another rank ended first",
        fix="write GLOO_SOCKET_IFNAME: eth0 under env, with the pod's interface; read the lines of the other ranks",
        source="https://docs.vllm.ai/en/latest/usage/troubleshooting.html",
        weight="general",
    ),
    KnownError(
        id="hccl-arguments",
        pattern=r"EI0003|EI0005|inconsistent between ranks|operator \S+ are inconsistent",
        meaning="the ranks do not agree about their communication (HCCL)",
        why="they were started with different settings, images or numbers of tokens",
        fix="use the same image and the same arguments on all ranks",
        source=_CODES,
    ),
    KnownError(
        id="hccl-start",
        pattern=(
            r"EJ0001|EI0009|EI0010|EI9999|EJ9999|HCCL function error|[Hh]cclComm\w*.*(?:fail|error)"
            r"|DIST call hccl api failed|ERR02200|Transport init error|[Cc]reate Dest error|HCCL error in"
            r"|(?:hccl|HCCL|Hccl).*[Ii]nit.*[Ff]ail|\[ERROR\] HCC[LP]\("
            r"|OPS function error: Hccl|\bE[IJ]\d{4}\b|fails? to invoke the Hccl\w+ function"
        ),
        meaning="the NPUs' communication did not start (HCCL)",
        why="another rank failed before, a port is in use, or an old process still uses an NPU",
        fix="read the lines of the other ranks; end leftover processes (npu-smi info on the node)",
        source=f"{_ISSUES}/3162",
        weight="general",
    ),
)
"""The errors of HCCL, the most specific first."""
