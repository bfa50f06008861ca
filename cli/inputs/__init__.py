"""What the arguments of commands name: stacks, revisions, files, and parameters of requests."""
