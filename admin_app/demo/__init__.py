"""The demo: a sample clinic at work, and the tour that plays, checks and photographs a story in it."""
