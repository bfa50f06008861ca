"""The open plugin vllm-ascend with vLLM: releases 0.18.0, 0.23.0 and 0.30.0."""
