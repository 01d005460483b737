"""The command line `inturn-hub`: one module a group of commands."""
