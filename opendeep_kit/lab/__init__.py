"""What a notebook does: rehearse, compare, place calls, read what came of them, draw it."""
