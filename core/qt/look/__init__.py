"""From the palette to buttons: how every window looks."""
