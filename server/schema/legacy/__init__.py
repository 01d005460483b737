"""The earlier version's database: recognised, repaired and brought into the lines."""
