"""The console of staff, supervisors and administrators, and the demonstration that opens every window."""
