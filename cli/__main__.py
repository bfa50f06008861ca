"""`python -m cli` is `ascend-vllm`."""

from cli.app import main

main()
