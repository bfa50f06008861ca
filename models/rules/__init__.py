"""The rules for a stack: one folder for each subject, one module for each topic. `registry` has all of them."""
