"""The command line: `commands` has one module for each command, `output` one for each format. `app` lists them."""
