"""Calls the SQL function of each operation on a line, with a limit on concurrent calls to one line."""
