"""Alembic's environment: one file a revision under `versions`, never changed once released."""
