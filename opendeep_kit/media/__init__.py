"""What holds live calls: the worker, its duties, and how another process follows a call that it holds."""
