"""The rules for a stack, one module for each topic; `registry` has all of them."""
