"""Rules on the model: what is known about it, its weights and where they come from, quantization, and LoRA."""
