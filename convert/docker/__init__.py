"""Containers of Docker: Compose files and the options of `docker run`."""
