"""What holds live calls: the worker, its background duties, and how another process follows a call that it holds."""
