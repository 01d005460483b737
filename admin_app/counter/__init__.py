"""One counter: its open ticket, the allowed actions, the messages to staff."""
