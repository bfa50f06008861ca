"""What `ascend-vllm upgrade` needs: its state, its comparisons, and changes by somebody else."""
