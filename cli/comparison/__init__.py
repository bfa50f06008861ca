"""What `ascend-vllm compare` and the comparisons of an upgrade share."""
