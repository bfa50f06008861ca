module ascend-vllm/sandbox/pause

go 1.26.0
