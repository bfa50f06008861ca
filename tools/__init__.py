"""Tools for contributors. The program does not import them."""
