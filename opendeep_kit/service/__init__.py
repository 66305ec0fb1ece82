"""The service on one host: its processes, started, supervised and drained."""
