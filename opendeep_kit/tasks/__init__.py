"""What a call is for: task specs, call scripts, and the prompt made from them."""
