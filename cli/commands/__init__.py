"""The commands of `ascend-vllm`: one module for each."""
