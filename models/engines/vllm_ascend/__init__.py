"""The open plugin vllm-ascend with vLLM: the releases that have a table in `flags/`."""
