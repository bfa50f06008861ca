"""What is known beforehand, as data with its sources: engine releases and platforms."""
