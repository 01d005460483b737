"""The look of every window, from the palette to buttons."""
