"""What goes over the wire: frames, the session, and what answers hold."""
