"""The wall monitor of the waiting room: its board, its layout, its chime."""
