"""One module for each revision, with its SQL in a file of the same name. A released revision is never edited."""
