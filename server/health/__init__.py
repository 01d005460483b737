"""The health of this hub: findings, metrics and logs."""
