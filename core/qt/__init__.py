"""The client in a window: application and event loop, the bridge to the hub, models, and the look."""
