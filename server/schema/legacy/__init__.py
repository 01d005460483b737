"""Takes over the database of the earlier version: recognises, repairs and imports its rows."""
