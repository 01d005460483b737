"""One counter: who is there, what may be pressed, what staff are told."""
