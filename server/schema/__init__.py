"""The tables, the SQL functions, and their upgrades."""
