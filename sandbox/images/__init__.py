"""Images for a real node without a registry: a real vLLM for the CPU, and a model that is small enough."""
