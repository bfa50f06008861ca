"""NPUs and the pods that hold them, as text and as JSON."""
