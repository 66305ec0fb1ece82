"""Whom to call: contacts and, later, the rules of calling them."""
