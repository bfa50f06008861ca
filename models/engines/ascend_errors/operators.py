"""Errors while an NPU works: memory, graphs and operators. The numbers are those of CANN's aclError."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_ISSUES = "https://github.com/vllm-project/vllm-ascend/issues"
_FAQ = "https://docs.vllm.ai/projects/ascend/en/latest/faqs.html"
_CODES = "https://github.com/Ascend/pytorch/blob/master/torch_npu/csrc/core/npu/NPUException.h"

OPERATOR_ERRORS = (
    KnownError(
        id="graph-capture",
        pattern=(
            r"AclmdlRICapture\w*.*(?:error code is|fail)|capture_begin:.*error code|\b207008\b|EL0009"
            r"|[Ss]tream resources are insufficient|no stream resource|(?:New|Create) capture stream failed"
            r"|Capture wait event failed|Alloc sq cq fail|stream wait event failed, runtime result = 207005"
            r"|Not allowed to (?:capture|sync)\w*|in the capture mode|\b107027\b"
        ),
        meaning="the graphs could not be captured",
        why="each captured batch size uses streams of the NPU, which has 2048 of them, and memory",
        fix="write fewer sizes in graph.captureSizes (graph.gears with Ascend-vLLM 0.6.3), or write graph: eager",
        source=f"{_ISSUES}/9691",
    ),
    KnownError(
        id="npu-memory",
        pattern=(
            r"(?:NPU|CUDA) out of memory|EL0004|aclrtMalloc\w*.*fail|\b2070(?:01|18)\b"
            r"|memory on the device is exhausted|Failed to allocate (?:\d+ bytes of NPU )?memory"
            r"|Failed to apply for memory|torch\.(?:npu\.|cuda\.)?OutOfMemoryError|NPUOutOfMemory"
            r"|Failed to allocate memory with aclrt|E[EZ]\d{4}.*out of memory|halMemAlloc failed"
        ),
        meaning="an NPU has too little memory",
        why="weights, activations, graphs and KV cache together exceed its memory, or another process uses it",
        fix="lower engine.gpuMemoryUtilization, maxModelLen or maxNumSeqs, or use more NPUs; see ascend-vllm check -v",
        source=f"{_ISSUES}/1993",
    ),
    KnownError(
        id="npu-hang",
        pattern=(
            r"\b5070(?:0[0129]|1[1-8]|2[0-3]|3[4-7]|4[2-9]|5[0-2])\b|\b507900\b"
            r"|aicore (?:execution|timeout|exception)|vector core (?:execution|exception|timeout|traps?)"
            r"|ai ?cpu (?:execution|exception|timeout)|Model execution failed"
            r"|(?:aivec|aivector|aicore|fftsplus \w+|aic) (?:error|exception)|ACL stream synchronize failed"
            r"|MTE instruction is out of range|Kernel task happen error|DMA\) hardware execution error"
            r"|(?i:aicore|aicpu|vector core) kernel execute failed|sdma (?:copy )?error"
            r"|The execution of the internal task times out|internal error occurs in the task scheduler module"
            r"|[Ss]tream sync\w* timeout|reason=\[?(?:fftsplus|aicore|aicpu|sdma) timeout"
        ),
        meaning="an operator hung or failed on the NPU",
        why="an operator ran too long or read wrong memory: a defect of the release, an old driver, or a faulty NPU",
        fix=(
            "write graph: eager to narrow it down; install the driver that docs/releases.md names; run npu-smi info on"
            " the node"
        ),
        source=f"{_ISSUES}/2349",
    ),
    KnownError(
        id="operator-missing",
        pattern=(
            r"\baclnn\w+ or \w+ not in \w+\.so|not in libopapi|EZ3002|EZ3003|No supported Ops kernel"
            r"|op_type .* not (?:found|support)|has no attribute 'npu_\w+'|'_OpNamespace' '_C_ascend' object has no"
            r"|\b561(?:00[0-9]|103|112)\b|Could not run 'aten::|kernel (?:binary )?not found"
            r"|[Tt]his platform (?:only|does not) support|No suitable tiling"
            r"|not implemented for '(?:Half|BFloat16)'|does not have an implementation"
        ),
        meaning="an operator is missing in CANN, or does not support this use",
        why="the operators (OPP) of the image are older than the release, or do not support this NPU, type or shape",
        fix="use the release's own image without changed packages, for the node's type of NPU (-a3, -310p)",
        source=f"{_ISSUES}/5695",
        weight="general",
    ),
    KnownError(
        id="operator-compile",
        pattern=(
            r"\bE[49]00\d\d\b|\bEC\d{4}\b|torchair.*(?:[Ee]rror|[Ff]ail|[Ee]xception)|\bGE\w* .*(?:[Ff]ail|[Ee]rror)"
            r"|[Gg]raph (?:compil|captur)\w*.*(?:[Ff]ail|[Ee]rror)|Compile operator failed"
            r"|(?:[Bb]uild|[Ll]oad) graph failed"
            r"|Failed to compile Op|BackendCompilerFailed|MLIRCompilationError"
            r"|error code is 50000\d|A GE error occurs|ub overflow|InductorError|torch\._dynamo\.exc"
            r"|[Mm]ax gear num supported|E19999|build op model failed"
        ),
        meaning="a graph could not be compiled",
        why="graph mode compiles the model for its batch sizes; an operator, a gear or a stale cache prevents it",
        fix=(
            "remove the service's directory below graph.cache on the node, write fewer graph.gears or"
            " graph.captureSizes, or try graph: eager"
        ),
        source=_FAQ,
        weight="general",
    ),
    KnownError(
        id="operator",
        pattern=(
            r"EE100[1-9]|EL000[1-3]|\b1070(?:0[02-9]|1[0-9]|2\d)\b"
            r"|\b161(?:001|002)\b|\b10000[0-9]\b.*(?:acl|error code)"
            r"|error code is 107\d{3}|call aclnn\w+ failed|The argument is invalid|\b207000\b|EL0013|EE1010"
            r"|This feature is not supported|EZ1001|Operation setup failed|RuntimeError: setup failed"
        ),
        meaning="a call of CANN had a wrong argument",
        why=(
            "an operator got memory, a shape or a type that it does"
            " not accept: a defect of the release or of a feature"
        ),
        fix=(
            "write graph: eager, and switch off the last feature"
            " that was added; search the line in the plugin's issues"
        ),
        source=f"{_ISSUES}/1007",
        weight="general",
    ),
    KnownError(
        id="npu-hang",
        pattern=(
            r"The Inner error is reported as above|E[A-Z]\d?9999|Inner Error!|\bE\d9999|ERR00100"
            r"|The process exits for this inner error|The internal ACL of the system is incorrect"
            r"|NPU function error(?!: aclInit\(|.*\b50705[57]\b)|NPU error, error code is"
        ),
        meaning="an operator failed on the NPU",
        why="CANN reported an internal error: a defect of the release, an old driver, or a faulty NPU",
        fix=(
            "write graph: eager to narrow it down; install the driver that docs/releases.md names; read the plog of"
            " CANN in /root/ascend/log"
        ),
        source=_CODES,
        weight="general",
    ),
)
"""The errors of operators, the most specific first."""
