"""Shell scripts: from text to commands, and the variables that they set."""
