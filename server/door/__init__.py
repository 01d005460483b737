"""Who may come in, how many, how fast, and by which proof."""
