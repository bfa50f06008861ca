"""Engine releases: the settings, launch, requests and messages of each release of vLLM for Ascend."""
