"""What stands in for the paid model and the public phone network: honest simulators on the real wire."""
