"""Whom to call and when: contacts, calling rules, retries, planning. Pure."""
