"""The staff console, and the demo that runs a hub with every window."""
