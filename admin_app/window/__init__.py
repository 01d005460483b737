"""The console's frame: sign-in, rail, status, command line."""
