"""The public windows: the kiosk, where patients take a number, and the wall monitor."""
