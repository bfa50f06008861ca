"""Rules: what is judged in a stack, one module a topic; `registry` holds them all."""
