"""What kiosk and wall have in common: full screen, real sizes, the device's token."""
