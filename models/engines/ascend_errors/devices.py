"""Errors of the driver, of the NPUs of a pod, and of the setup of CANN."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_ISSUES = "https://github.com/vllm-project/vllm-ascend/issues"
_CODES = "https://github.com/Ascend/pytorch/blob/master/torch_npu/csrc/core/npu/NPUException.h"

DEVICE_ERRORS = (
    KnownError(
        id="user",
        pattern=(
            r"HcclGetRootInfo.*error code is 19\b|getpwuid\(\): uid not found|No user exists for uid"
            r"|KeyError: 'getpwuid|cannot find name for user ID|hccl\w*.*getpwuid"
        ),
        meaning="the container's user has no entry in /etc/passwd",
        why="HCCL and Python look up the user by its number, and several NPUs then do not start",
        fix="remove runAsUser (the default is 0), or use the number of a user that the image has",
        source=f"{_ISSUES}/9490",
    ),
    KnownError(
        id="device-rights",
        pattern=(
            r"Can't get ascend_hal device count|/dev/(?:davinci|hisi_hdc|devmm_svm)\S*.*Permission denied"
            r"|Permission denied.*/dev/(?:davinci|hisi_hdc|devmm_svm)|open device.*Permission denied"
            r"|error code is 207006|do not have the operation permission|drv\w* .*EPERM"
        ),
        meaning="the container is not allowed to use the NPU",
        why="/dev/davinci* belongs to the group HwHiAiUser, and the device plugin passes only the pod's own NPUs",
        fix="remove runAsUser (the default is 0), and check the device plugin of the node",
        source="https://github.com/Project-HAMi/ascend-device-plugin/issues/139",
    ),
    KnownError(
        id="device-busy",
        pattern=(
            r"dcmi \w+ initiali\w+ failed.*(?:-8005|-8020)|because the device is used|Resource_Busy"
            r"|EL0005|\bret(?:urn code)? is -80(?:05|20)\b|The resources? (?:is|are) busy"
        ),
        meaning="another container uses the NPU, or this one may not open it",
        why="an NPU belongs to one container; leftover processes and privileged containers also hold it",
        fix="run npu-smi info on the node, and end the process that holds the NPU; remove runAsUser (the default is 0)",
        source=f"{_ISSUES}/2698",
    ),
    KnownError(
        id="driver-missing",
        pattern=(
            r"libascend_hal\.so|libdrvdsmi|libdcmi\.so|libdrvupgrade|libmmpa\.so.*cannot open"
            r"|dcmi\w* (?:init|model|module).*fail|DCMI_ERROR_LIBRARY_NOT_FOUND|Failed to initialize DCMI"
            r"|npu-smi: (?:command )?not found|npu-smi: error while loading shared libraries"
        ),
        meaning="the container does not see the NPU driver",
        why="libascend_hal and dcmi belong to the node's driver, which is mounted from it",
        fix="correct cluster.platform.driver, or install the driver on the node",
        source=f"{_ISSUES}/1440",
    ),
    KnownError(
        id="driver-missing",
        pattern=r"DrvMngGetConsoleLogLevel failed",
        meaning="the container does not see the NPU driver",
        why="a library of the driver cannot ask it for its log level; the next line may be more precise",
        fix="correct cluster.platform.driver, or install the driver on the node",
        source=f"{_ISSUES}/2698",
        weight="general",
    ),
    KnownError(
        id="device-index",
        pattern=(
            r"\b107001\b|\b507033\b|Set visible device failed|invalid device ?id|Invalid device ID"
            r"|device id error|ASCEND_RT_VISIBLE_DEVICES.*(?:invalid|not |error)|invalid (?:npu )?device ordinal"
            r"|Failed to (?:start|open) (?:the )?device|New device failed|device retain error"
            r"|No NPU devices found|\b(?:acl)?rtSetDevice\w* (?:execute )?failed"
        ),
        meaning="an NPU cannot be opened",
        why="its index is not one of the pod's NPUs, or another container holds it; indexes begin at 0 in each pod",
        fix="remove visibleDevices; if it is not set, look for leftover processes with npu-smi info on the node",
        source=f"{_ISSUES}/9428",
    ),
    KnownError(
        id="cann-older",
        pattern=(
            r"Failed to import vllm_ascend_C.*undefined symbol|undefined symbol: acl\w+"
            r"|symbol lookup error: .*(?:ascend|torch_npu|hccl|libatb)"
        ),
        meaning="the image's CANN is older than its vllm-ascend",
        why="a library was built for a later CANN, so a part of it, such as the sleep mode, is not available",
        fix="use the release's own image without changed packages; see docs/releases.md",
        source="https://github.com/zai-org/GLM-OCR/issues/116",
        weight="doubt",
    ),
    KnownError(
        id="cann-versions",
        pattern=(
            r"(?:libtorch_npu|libop_plugin_atb|libtbe_adapter|torch_npu\S*|vllm_ascend\S*)\.so\S*: undefined symbol"
            r"|undefined symbol: (?:_ZN2ge|acl[a-z]|Hccl|rt[A-Z])"
            r"|module 'torch_npu' has no attribute|AclSetCompileopt.*error code is 500001"
            r"|binary_info_config\.json|check if the opp_kernel package is installed"
            r"|CANN package version.*(?:mismatch|not match)|EI0008|E30006|Failed to verify the OPP"
            r"|does not match the (?:OPP|CANN) version|Unsupported soc ?version|ASCEND_OPP_PATH.*(?:not|invalid)"
            r"|versions? (?:is|are) inconsistent\. The local|init runtime platform info failed"
        ),
        meaning="torch_npu and CANN do not match",
        why="each release needs its own torch_npu, CANN and operators (OPP)",
        fix="use the release's own image without changed packages; see docs/releases.md",
        source=f"{_ISSUES}/750",
    ),
    KnownError(
        id="device-type",
        pattern=(
            r"Current device type: .*does not match the installed|Can not find (?:soc|SOC) version"
            r"|Cannot find option named 'Ascend|\b507008\b"
            r"|Failed to obtain the SOC version|soc_version.*(?:mismatch|not supported)"
            r"|(?:[Cc]an ?not support|Unsupported) soc_version"
        ),
        meaning="the image is for another type of NPU",
        why="an image is built for one type: A2, A3, 310P or 950",
        fix="use the image for the node's NPUs, such as a tag that ends with -a3 or -310p",
        source="https://docs.vllm.ai/projects/ascend/en/latest/installation.html",
    ),
    KnownError(
        id="cann-env",
        pattern=(
            r"Failed to infer device type|Failed to load the backend extension: torch_npu"
            r"|lib(?:hccl|atb|ascendcl|msprofiler|ge_(?:runner|common)|acl_tdt_channel|runtime|ascend_(?!hal)\w+)\.so"
            r"|lib(?:opapi|platform|register|nnopbase|error_manager|unified_dlog|profapi)\.so"
            r"|No module named '(?:torch_npu|tbe|acl|te)'|ATB_HOME_PATH|ASCEND_HOME_PATH"
            r"|set_env\.sh: No such file|Device string must not be empty|No module named 'vllm_ascend'"
            r"|Get ACL JitCompile default value failed|\bGE\w*(?:::\w*)?Initialize failed"
            r"|OpCompileProcessor init failed|\[Init\]\[Env\]init env failed|Failed to import torch_npu"
        ),
        meaning="CANN is not set up in the container",
        why="the libraries of CANN are found only after the image's set_env.sh files were sourced",
        fix=(
            "use the release's image; correct cluster.platform.initFile, which the launch script sources; write paths"
            " as LD_LIBRARY_PATH: {prepend: /opt/lib} under env"
        ),
        source=f"{_ISSUES}/262",
    ),
    KnownError(
        id="driver",
        pattern=(
            r"drv(?:Err|Ret)\w*\s*[=:(](?!\s*6\b)|driver version .*(?:mismatch|not match)|Version mismatch.*driver"
            r"|driver\S* (?:is )?too old|\b507899\b|\b507901\b|\b507010\b|internal error occurs in the Driver module"
            r"|tsd client wait response fail|TsdOpen failed|loses the heartbeat|lost heartbeat"
            r"|HDC\) session is disconnected"
            r"|\b-8020\b|\b-8008\b|EL0001|Device_Absent|Device not found or invalid"
        ),
        meaning="driver and CANN do not match, or the NPU does not answer",
        why="the CANN of the image needs a recent driver and a healthy NPU",
        fix="run npu-smi info on the node; install the driver that docs/releases.md names",
        source=f"{_ISSUES}/5468",
    ),
    KnownError(
        id="driver",
        pattern=r"NPU function error: aclInit\(",
        meaning="driver and CANN do not match, or the NPU does not answer",
        why="CANN asks the driver and the NPUs when it starts (aclInit)",
        fix="run npu-smi info on the node; install the driver that docs/releases.md names",
        source=_CODES,
        weight="general",
    ),
    KnownError(
        id="npu-fault",
        pattern=(
            r"\b507053\b|\b507054\b|UCE ERROR|HBM MULTI BIT ECC|multi-?bit ecc|device (?:mem|memory) error"
            r"|\b207004\b|The device is unavailable"
            r"|FORCE STOP|HCCS LINK ERROR"
        ),
        meaning="an NPU has a hardware fault",
        why="its memory, a link or the chip reported an error that no restart of the server repairs",
        fix="run npu-smi info -t health on the node, cordon the node, and have the NPU reset or replaced",
        source=_CODES,
    ),
)
"""The errors of devices, the most specific first."""
