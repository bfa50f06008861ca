"""Notes about parts of the files that the stack file does not get."""
