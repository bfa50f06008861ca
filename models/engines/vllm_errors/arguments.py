"""Errors of vLLM about its arguments: of the parser, and of the configuration that follows from them."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_VLLM = "https://github.com/vllm-project/vllm/blob/v0.23.0/vllm"
_OLD = "https://github.com/vllm-project/vllm/blob/v0.6.3/vllm"

ARGUMENT_ERRORS = (
    KnownError(
        id="pd",
        pattern=(
            r"KV transfer '\w+' config has a conflicting|Prefill TP size must be divisible|kv_role|kv_connector"
            r"|PD-disaggregated|PD-mixed|P/D disagg|in pd scenario|layer_sharding|D-scenario"
            r"|Unsupported connector|KVConnector.*(?:not|fail)|recompute_scheduler_enable"
            r"|enable_(?:kv_nz|balance_scheduling)|BALANCE_SCHEDULING|for PD disaggregation|\bec_role\b"
            r"|Only support P node tp size|Mooncake\w* (?:\w+ )?(?:does not|[Cc]onnector (?:does not|only))"
            r"|prefill TP_size must|D node DCP not support|Unsupported KV pool backend|only produce KV transfer"
        ),
        meaning="the transfer of the KV cache does not fit the rest of the service",
        why="sizes and role of kvTransferConfig must be those of the prefill or decode server that reads it",
        fix="correct kvTransferConfig under engine: kv_role, tp_size and dp_size are those of this service",
        source="https://github.com/vllm-project/vllm-ascend/blob/v0.23.0/vllm_ascend/utils.py#L1437",
    ),
    KnownError(
        id="group",
        pattern=(
            r"must (?:not )?use --headless|unexpected data parallel rank|in headless mode"
            r"|data_parallel_(?:hybrid|external)_lb|nnodes > 1|--?node.?rank|There can only be one head node"
            r"|message from \w+ engine \d+, expected it to be|should not be called on follower node"
        ),
        meaning="the pods of the server do not agree about their parts",
        why="each pod starts the ranks of its own node, and only the first one answers requests",
        fix="remove the flags of several nodes from extraArgs: nodes sets them in each pod",
        source=f"{_VLLM}/v1/engine/utils.py#L1276",
    ),
    KnownError(
        id="parser",
        pattern=(
            r"could not locate .*(?:start|end)|invalid (?:tool call|reasoning) parser"
            r"|(?i:tool|reasoning) parser .*(?:not found|not registered)|requires --tool-call-parser"
        ),
        meaning="the parser does not belong to the model or to this release",
        why="a parser needs the tokens of its model, such as <think>, and each release has its own list",
        fix="correct server.reasoningParser or server.toolCallParser",
        source=f"{_VLLM}/entrypoints/openai/api_server.py#L507",
    ),
    KnownError(
        id="tp-split",
        pattern=(
            r"Total number of (?:attention|key.value) heads \(\d+\) must be divisible"
            r"|(?:is|are) not divisible by (?:tensor|tp|\d+)|must be divisible by (?:tensor|tp_size|the tensor)"
            r"|num_(?:kv_)?heads.*divisible|tp_size=\d+ must be divisible|not divisible by weight quantization block"
            r"|weight (?:input|output)_size_per_partition"
        ),
        meaning="tensorParallelSize does not divide the model",
        why="each NPU gets an equal part of the attention heads and of the layers",
        fix="write a tensorParallelSize that divides the heads in the line, such as 1, 2 or 4",
        source=f"{_OLD}/config.py#L407",
    ),
    KnownError(
        id="batched-tokens",
        pattern=(
            r"max_num_batched_tokens \(\d+\) (?:is smaller|must be greater)|increasing max_num_batched_tokens"
            r"|Increase max_num_ba|max_num_scheduled_tokens"
        ),
        meaning="maxNumBatchedTokens is too small",
        why="without chunked prefill it must be at least maxModelLen, and always at least maxNumSeqs",
        fix="raise engine.maxNumBatchedTokens to maxModelLen, or remove it",
        source=f"{_OLD}/config.py#L1024",
    ),
    KnownError(
        id="npu-count",
        pattern=(
            r"World size \(\d+\) is larger than the number of available|exceeds the (?:total )?number of available"
            r"|Ray does not (?:allocate|have)|Cannot provide a placement group|Not enough resources to allocate"
            r"|larger than the number of available (?:GPU|NPU)s|DP adjusted local rank"
            r"|local[ _]rank \d+ is out of bounds"
            r"|Current node has no \S+ available|data_parallel_size_local .* must be"
        ),
        meaning="the pod has fewer NPUs than the engine needs",
        why="one NPU is used for each part of tensorParallelSize x pipelineParallelSize x dataParallelSize",
        fix="raise npus, or lower engine.tensorParallelSize",
        source=f"{_VLLM}/config/parallel.py#L862",
    ),
    KnownError(
        id="pipeline",
        pattern=(
            r"Pipeline parallelism is (?:not|only) supported|pipeline.parallel\w* .*(?:not supported|unsupported)"
            r"|does not match (?:pp_size|num_hidden_layers)=|Invalid partition string"
        ),
        meaning="the model cannot be split into these pipeline stages",
        why="only some models can be split by layers, and VLLM_PP_LAYER_PARTITION must name all layers and stages",
        fix="remove engine.pipelineParallelSize and raise tensorParallelSize",
        source=f"{_VLLM}/config/model.py#L1204",
    ),
    KnownError(
        id="speculative",
        pattern=(
            r"num_speculative_tokens|speculative_(?:model|config|draft|max_model_len)"
            r"|[Ss]peculative (?:decoding|method)"
            r"|[Dd]raft model|draft_tensor_parallel_size|prompt_lookup_m|same vocabulary size|n_predict"
            r"|async scheduling is only supported|spec(?:ulative)?.?decod|EAGLE3? interface"
            r"|does not contain MTP weights"
        ),
        meaning="speculative decoding does not fit the service",
        why="draft model, number of tokens and the other features must fit the target model and the release",
        fix="correct or remove speculative",
        source=f"{_VLLM}/config/speculative.py",
    ),
    KnownError(
        id="unknown-flag",
        pattern=r"unrecognized arguments:|ambiguous option:|no such option|argument_default.*unrecognized",
        meaning="the image's vLLM does not know an argument",
        why="the image contains another release than engine.version",
        fix="use the image of that release, or correct engine.version",
        source=f"{_VLLM}/engine/arg_utils.py",
    ),
    KnownError(
        id="flag-value",
        pattern=(
            r"error: argument \S+|invalid choice: .*\(choose from|expected (?:one|at least one) argument"
            r"|cannot be converted to|Invalid boolean value|error: the following arguments are required"
            r"|Value \S+ cannot be converted|not allowed with argument|invalid (?:int|float|loads) value"
            r"|gpu_memory_utilization.*(?:must be|less than|cannot)|GPU memory utilization must be"
            r"|block_size.*(?:must|not supported)|Unknown kv cache dtype|Unrecognized distributed executor backend"
            r"|can divide physical block size|Unknown KV cache layout"
            r"|should provide the model as a positional argument"
            r"|No tokenizer registered for tokenizer_mode"
            r"|Unknown distributed executor|must be (?:a )?(?:positive|non-negative|greater than)"
        ),
        meaning="vLLM refuses the value of an argument",
        why="each release accepts its own values; another release in the image accepts others",
        fix="correct the value that the line names, in engine or server; or use the image of engine.version",
        source=f"{_VLLM}/engine/arg_utils.py",
    ),
    KnownError(
        id="environment",
        pattern=(
            r"Invalid value '[^']*' for VLLM_\w+|VLLM_\w+ (?:must be|should be)|Unknown level: '"
            r"|Unable to configure (?:formatter|handler|root logger)|cannot find context for '\w+'"
            r"|KeyError: '(?:VLLM|ASCEND|HCCL)_\w+'|VLLM_LOGGING_LEVEL(?!=DEBUG)|VLLM_WORKER_MULTIPROC_METHOD"
            r"|Cannot re-initialize \w+ in forked subprocess"
            r"|use the 'spawn' start method|environment variable \S+ .*must|Invalid vllm version \S+ found"
            r"|environment variable '\w+' is not set|Environment variable \w+ is required"
        ),
        meaning="a variable of the environment has a wrong value",
        why="vLLM reads its VLLM_* variables when it is imported, and some only accept certain words",
        fix=(
            "correct or remove the variable under env, such as"
            " VLLM_LOGGING_LEVEL: DEBUG, VLLM_WORKER_MULTIPROC_METHOD: spawn"
        ),
        source=f"{_VLLM}/envs.py",
    ),
    KnownError(
        id="tls",
        pattern=(
            r"ssl\.SSLError|\[SSL\]|ssl_certfile|certfile must be specified"
            r"|PEM lib|KEY_VALUES_MISMATCH|load_cert_chain"
        ),
        meaning="the certificate or its key cannot be used",
        why="sslKeyfile and sslCertfile belong together, and both must be PEM files that the container can read",
        fix="correct sslKeyfile and sslCertfile under server",
        source="https://docs.python.org/3/library/ssl.html",
    ),
    KnownError(
        id="multimodal",
        pattern=(
            r"limit_mm_per_prompt|is not multimodal|multi-?modal.*(?:not supported|does not support)"
            r"|At most \d+ \w+ may be provided|not a multimodal model|non multimodal model"
        ),
        meaning="a setting for images does not fit the model",
        why="only multimodal models accept images, and limits for them",
        fix="remove limitMmPerPrompt under engine, or use a multimodal model",
        source=f"{_VLLM}/config/model.py#L1421",
    ),
    KnownError(
        id="task",
        pattern=(
            r"Unsupported task|does not support `--(?:runner|task|convert)"
            r"|does not support (?:generation|pooling|the '\w+' task)|Embedding models do not"
        ),
        meaning="the model does not do this task",
        why="a model generates text, or computes embeddings or scores",
        fix="correct or remove task or runner under engine",
        source=f"{_VLLM}/config/model.py#L595",
    ),
    KnownError(
        id="experts",
        pattern=(
            r"[Ee]xpert.?parallel\w*|Number of experts|n_physical_experts|Non-MoE models|dense models|EPLB"
            r"|Elastic EP"
        ),
        meaning="expert or data parallelism does not fit the model",
        why="expert parallelism needs a model with experts, and several NPUs",
        fix="remove engine.enableExpertParallel, or engine.dataParallelSize",
        source=f"{_VLLM}/config/parallel.py#L461",
        weight="general",
    ),
    KnownError(
        id="configuration",
        pattern=(
            r"validation errors? for \w+|Unexpected keyword argument"
            r"|mutually exclusive|is only supported (?:with|for|when)"
            r"|(?:ValueError|AssertionError|NotImplementedError|TypeError): .*(?:must (?:be|have|match|contain)"
            r"|not supported by|requires |Cannot (?:set|use)|Valid (?:options|modes)|only supported|only valid with"
            r"|exceeds the maximum|not supported on current platform|can only be (?:set|specified|used)"
            r"|should only be set|only applicable when|not applicable|cannot (?:be greater than|both be)"
            r"|(?:not|n't) yet support|not yet supported|must not be empty|must less than|does not yet"
            r"|does not support (?:async|chunked|prefix|custom|MLA|multiple|different)|has been removed \("
            r"|was removed; use|Please specify \w+ when|\w+ is not installed but|should be either"
            r"|[Oo]nly one \w+ (?:may|can) be|only one allowed at a time|unknown quantization name)"
            r"|Value error, |not supported (?:with|in this configuration)|is not compatible with|is incompatible with"
            r"|cannot be (?:set|used|enabled) (?:with|together|simultaneously|at the same time)"
        ),
        meaning="vLLM refuses its configuration",
        why="two settings exclude each other, or a value is not one that this release accepts",
        fix="correct or remove the setting that the line and the next one name, in engine",
        source=f"{_VLLM}/config/vllm.py",
        weight="general",
    ),
)
"""The errors about arguments, the most specific first."""
