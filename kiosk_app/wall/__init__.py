"""The board in the waiting room, and its chime."""
