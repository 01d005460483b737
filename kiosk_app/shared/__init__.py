"""What kiosk and wall monitor share: full-screen windows, sizes in millimetres, the device's token."""
