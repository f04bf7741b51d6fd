"""What a host with systemd is told."""
