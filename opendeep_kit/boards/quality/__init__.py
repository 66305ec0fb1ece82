"""The board, its figures and its look."""
