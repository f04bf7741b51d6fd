"""The rows of an SQLite file, brought into the project's own PostgreSQL: `python -m parley_serving.moving FILE`."""
