"""Admits clients: sign-in, limits of connections and requests, TLS, and the view of each role."""
