"""The command line: `recurra --help`. Each command is a thin face on library calls."""
