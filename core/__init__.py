"""What the hub and every window share: data types, protocol, rules, and the clients' connection.

Read in this order: `tickets` (the data), `errors` (what can go wrong), `protocol` (how both travel),
`queue_rules` (how a line is explained), `session` and `line_store` (a client without I/O),
`hub_client` (the same client on a socket), `qt` (the same client in a window).
"""
