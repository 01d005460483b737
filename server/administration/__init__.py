"""What a clinic consists of: services, counters, hours, people, devices."""
