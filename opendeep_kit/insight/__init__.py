"""What a call's events mean: transcript, latency, outcome. Pure folds."""
