"""One file for each thing that OpenDeep is extended by: copy it, change it. `tests/docs/test_examples.py` runs them."""
