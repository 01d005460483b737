"""One module a revision. A released revision, and the SQL files it names, are never edited."""
