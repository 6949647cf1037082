"""The command line: one file per group of commands; :mod:`.app` ties them together."""
