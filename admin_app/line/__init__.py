"""The counter's lines as tables, their figures, and the form that issues a ticket."""
