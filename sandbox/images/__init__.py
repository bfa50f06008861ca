"""What a real node runs without a registry: an image with a real vLLM for the CPU, and a model that is small enough."""
