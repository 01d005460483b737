"""The tables, the functions, and how they came about."""
