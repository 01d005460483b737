"""The list of a line, its columns, and issuing a ticket."""
