"""What Docker Compose's containers are told."""
