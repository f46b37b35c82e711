"""A real PostgreSQL and a real Redis from pip-installed binaries, for when no external one is configured."""
