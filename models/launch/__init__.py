"""The launch of a service: init steps, the script run_vllm.sh, and the scripts that run in the pod."""
