"""The show: a sample clinic at work, and the guided tour."""
