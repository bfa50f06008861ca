"""Ascend-vLLM, Huawei's closed build of vLLM (the manual): release 0.6.3."""
