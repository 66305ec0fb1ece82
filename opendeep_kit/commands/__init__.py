"""One thin module per `opendeep` command."""
