"""One call of a line's SQL function, in its turn at the line."""
