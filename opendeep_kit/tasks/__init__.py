"""What a call is for: task specs, call scripts, the prompt made of them."""
