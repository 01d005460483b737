"""Code that the hub and every window share: data types, wire protocol, queue rules and the client.

Reading order: `line.tickets` (data types), `errors`, `wire.protocol` (frames that carry both), `line.queue_rules`
(estimates), `wire.session` and `line.line_store` (a client without I/O), `client.hub_client` (the client on a socket),
`qt` (the client in a window).
"""
