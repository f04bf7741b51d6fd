"""Docker Compose: what docker-compose.prod.yml says, what its one-shot `setup` does, and how it is rolled."""
