"""Programs that try the hub from outside, as its clients do: the only server code that may use `core.hub_client`."""
