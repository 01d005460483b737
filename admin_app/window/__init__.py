"""The console's window: sign-in page, rail, status strip, command line."""
