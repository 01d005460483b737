"""A line as values: tickets, rules, and the replica that events keep up to date."""
