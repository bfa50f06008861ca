"""Engine releases: what each release of vLLM for Ascend accepts, how it is started, and what it reports."""
