"""Errors of vLLM about a model's files, its weights and its tokenizer."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_VLLM = "https://github.com/vllm-project/vllm/blob/v0.23.0/vllm"

MODEL_ERRORS = (
    KnownError(
        id="remote-code",
        pattern=(
            r"consider setting `trust_remote_code|set the option `trust_remote_code"
            r"|execute the configuration file in that repo|contains custom code|trust_remote_code=True`? (?:to|in)"
        ),
        meaning="the model contains its own code",
        why="transformers runs this code only if it is trusted",
        fix="set engine.trustRemoteCode: true if you trust the model's files",
        source=f"{_VLLM}/transformers_utils/config.py#L289",
    ),
    KnownError(
        id="architecture",
        pattern=(
            r"Model architectures? .* (?:are|is) not supported|Transformers does not recognize this architecture"
            r"|has no vLLM implementation|Model architecture\S* .* failed to be inspected"
            r"|[Hh]ead[_ ]size \(?\d+\)? is not supported"
            r"|No model architectures are specified|Cannot find model module|is not supported by the V1 Engine"
        ),
        meaning="this vLLM does not know the model's architecture",
        why="support depends on the release and on its transformers version",
        fix="use a newer image, or a model that the release supports (ascend-vllm models)",
        source=f"{_VLLM}/model_executor/models/registry.py#L1048",
    ),
    KnownError(
        id="quantization",
        pattern=(
            r"quantization is currently not supported in|Unknown quantization method|Invalid quantization method"
            r"|quantization method \S+ is (?:not supported|deprecated)"
            r"|--quantization\S*: invalid choice|not supported in vLLM Ascend.*quant"
        ),
        meaning="the NPU or the image's build does not support the quantization",
        why="smoothquant exists only in Huawei's build; vllm-ascend runs weights of ModelSlim (ascend)",
        fix="use Huawei's image for smoothquant; otherwise quantization: ascend with weights of ModelSlim, or none",
        source=f"{_VLLM}/platforms/interface.py#L727",
    ),
    KnownError(
        id="quantization-differs",
        pattern=(
            r"Quantization method specified in the model config .* does not match"
            r"|Cannot find the config file for \w+|quant_method.*(?:mismatch|not match)"
        ),
        meaning="quantization differs from the weights",
        why="config.json names another method of quantization than the stack file, or none",
        fix="correct or remove quantization",
        source=f"{_VLLM}/config/model.py#L1070",
    ),
    KnownError(
        id="transformers",
        pattern=(
            r"has no attribute '?(?:all_special_tokens_extended|init_kwargs)"
            r"|cannot import name '\w+' from 'transformers|requires transformers[<>=! ]"
        ),
        meaning="the image's transformers version does not fit its vLLM",
        why="vLLM uses parts of transformers that other versions do not have",
        fix="use the release's own image without changed packages",
        source="https://github.com/QwenLM/Qwen3-VL/issues/2058",
    ),
    KnownError(
        id="tokenizer",
        pattern=(
            r"Can't load tokenizer|Unable to load vocabulary|Tokenizer class \S+ does not exist"
            r"|tokenizer\.\w+.*not found|Failed to load the tokenizer|Couldn't instantiate the backend tokenizer"
            r"|data did not match any variant of untagged enum"
            r"|sentencepiece.*(?:not found|no such)|not a string.*tokenizer"
        ),
        meaning="the tokenizer is missing or cannot be read",
        why="its files belong to the model's directory, and a custom class needs the model's code",
        fix="complete the model's directory on every node, or set engine.trustRemoteCode: true",
        source="https://github.com/vllm-project/vllm/blob/v0.6.3/vllm/transformers_utils/tokenizer.py",
    ),
    KnownError(
        id="weights-broken",
        pattern=(
            r"Error while deserializing header|SafetensorError|HeaderTooLarge|MetadataIncompleteBuffer"
            r"|invalid load key|PytorchStreamReader failed|git-lfs|unexpected EOF|weights were not initialized"
            r"|JSONDecodeError: .*|is not a valid JSON file"
        ),
        meaning="a file of the model is incomplete or broken",
        why="a download ended early, a pointer of Git LFS was copied instead of the file, or it is of another model",
        fix="fetch the model's files again on every node, and compare their checksums",
        source="https://github.com/vllm-project/vllm-ascend/issues/955",
    ),
    KnownError(
        id="weights-differ",
        pattern=(
            r"KeyError: '[\w.]*layers\.\d+\.|KeyError: '[\w.]+\.(?:weight|bias|\w*(?:scale|offset|zero_point)\w*)'"
            r"|size mismatch for \w|There is no module or parameter named"
            r"|loaded_weight\.(?:shape|size)|shape mismatch.*weight"
            r"|'\w*Linear' object has no attribute '\w*(?:weight|scale|offset)\w*'"
            r"|Attempted to load (?:nested )?weight|Expecting `(?:weight|num_bits|packed_dim|hidden_sizes)"
            r"|some but not all shards of \S+ are quantized|the last dim of weight needs"
        ),
        meaning="the weights do not fit the model",
        why="names or shapes in the weights differ from those that the model's code and its quantization expect",
        fix="use weights for this release and this type of NPU, or correct quantization",
        source="https://github.com/vllm-project/vllm-ascend/issues/11368",
    ),
    KnownError(
        id="model-files",
        pattern=(
            r"Cannot find any model weights|does not appear to have a file named|Repo id must be|HFValidationError"
            r"|couldn't connect to 'https|LocalEntryNotFoundError|OfflineModeIsEnabled|RepositoryNotFoundError"
            r"|is not a local folder and is not a valid model|Invalid repository ID or local directory|No safetensors"
            r"|Could not detect config format|Failed to load the model config|Can't load the configuration of"
            r"|huggingface\.co.*(?:Max retries|timed out|Connection)|modelscope.*(?:not exist|NotExist|404)"
            r"|No (?:supported )?config format|not a valid model identifier|Incorrect path_or_model_id"
        ),
        meaning="model.source has no usable model",
        why="if the directory lacks the files, vLLM searches for them on the internet",
        fix="correct model.source, and check that every node has the whole directory",
        source=f"{_VLLM}/transformers_utils/config.py",
    ),
    KnownError(
        id="max-length",
        pattern=(
            r"is greater than the derived max_model_len|VLLM_ALLOW_LONG_MAX_MODEL_LEN"
            r"|max_model_len must be a positive"
        ),
        meaning="maxModelLen exceeds the length of the model",
        why="config.json of the model has a shorter context",
        fix="lower engine.maxModelLen to the length in the line",
        source=f"{_VLLM}/config/model.py",
    ),
    KnownError(
        id="rope",
        pattern=(
            r"rope_(?:scaling|parameters|type).*(?:must|should|invalid|missing|not |requires)|Unknown RoPE scaling type"
            r"|conflicts between 'rope_type|requires 'mrope_section'"
        ),
        meaning="the model's rope scaling is not understood",
        why="config.json has a form that this vLLM or its transformers does not know, or that excludes a feature",
        fix="correct rope_scaling in the model's config.json, or use a newer image",
        source=f"{_VLLM}/transformers_utils/config.py#L459",
        weight="general",
    ),
    KnownError(
        id="dtype",
        pattern=(
            r"is not supported for quantization method"
            r"|does not support (?:float16|bfloat16)|Unknown dtype|Bfloat16 is only supported"
            r"|not supported for '(?:Half|BFloat16)'|doesn't support bf16"
            r"|dtype or format is not supported.*DT_BFLOAT16|bfloat16 of \S+ is not supported"
        ),
        meaning="the model or the NPU does not support the data type",
        why="310P computes only in float16, and some models only in bfloat16",
        fix="write dtype: float16 or bfloat16 under engine",
        source=f"{_VLLM}/config/model.py#L1989",
    ),
    KnownError(
        id="chat-template",
        pattern=(
            r"chat template string|supplied chat template|chat_template.*(?:not|doesn't) "
            r"|jinja2\.exceptions|TemplateSyntaxError"
        ),
        meaning="the chat template cannot be read",
        why="the path does not exist in the container, or the file is not a Jinja template",
        fix="correct server.chatTemplate",
        source="https://github.com/vllm-project/vllm/blob/v0.6.3/vllm/entrypoints/chat_utils.py#L316",
    ),
    KnownError(
        id="chat-template",
        pattern=r"default chat template is no longer allowed",
        meaning="the model has no chat template",
        why="chat requests need one, and tokenizer_config.json of the model has none",
        fix="write server.chatTemplate, or use the completion API",
        source="https://github.com/vllm-project/vllm/issues/30933",
    ),
    KnownError(
        id="lora",
        pattern=(
            r"max_cpu_loras|max_lora_rank|LoRA rank \d+ is greater|is unsupported LoRA weight|Loading lora"
            r"|adapter_config\.json|expected target modules|LoRA\S* .*(?:not supported|does not support)"
            r"|unsupported LoRA|lora_extra_vocab_size|No supported LoRA modules|is not supported for LoRA"
            r"|GPU (?:LoRA|model) slots|No free (?:lora|adapter) slots|LoRA is not enabled"
        ),
        meaning="an adapter (LoRA) cannot be loaded",
        why="its rank, its modules or its directory do not fit the service",
        fix="correct lora: the ranks, the number of adapters and their paths",
        source=f"{_VLLM}/config/lora.py#L113",
    ),
)
"""The errors about models, the most specific first."""
