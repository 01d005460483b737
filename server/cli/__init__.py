"""The command line `inturn-hub`; each module has a group of commands."""
