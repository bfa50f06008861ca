"""The keys of the stack file and of the lock file, as records."""
