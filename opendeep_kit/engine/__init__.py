"""Campaigns at work: whom to call next, whether it may be, one attempt from permission to end, all of it durable."""
