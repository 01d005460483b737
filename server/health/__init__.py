"""How this hub is: findings, metrics, logs."""
