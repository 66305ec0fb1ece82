"""The system of record: SQLite or PostgreSQL through SQLAlchemy."""
