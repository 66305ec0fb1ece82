"""The service on one host: its processes, started, watched over and drained."""
