"""What a notebook does: rehearse, compare, place calls, read their results, draw them."""
