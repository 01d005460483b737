"""The wire: frames, the client's session, results of methods, and the replica that they fill."""
