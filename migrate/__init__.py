"""From one engine release to another: a new stack file, and a report of what changes."""
