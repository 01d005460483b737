"""One module a revision, its SQL in a file of the same name. None holds a function; a released one is never edited."""
