# One verb each. Every target sets up what it needs: `make demo` works on a fresh clone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test tests types style imports notebooks lab slow soak clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "OpenDeep needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "Python's venv module is missing: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[rehearsal,postgres,dev]'
	@touch $(READY)

# A campaign of simulated callees with real speech, from nothing to a table of outcomes.
demo: setup
	$(BIN)/opendeep demo --json data/demo.json

# Style, types, the import rule, then the tests.
test: style types imports tests

style: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

tests: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not soak"

# Whole services, browsers and notebooks: what `make test` has too few of.
slow: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow --timeout 600

# What takes long: random runs, waiting for clocks, whole services that lose parts.
soak: setup
	$(BIN)/python -m pytest -m soak --timeout 1800

# Every notebook as it is, cell by cell, with humming voices, in a folder of its own: no cell may fail.
notebooks: setup
	OPENDEEP_REHEARSAL__ENGINE=tones OPENDEEP_DATA_DIR=$$(mktemp -d) \
		$(BIN)/python -m pytest --nbval-lax --nbval-cell-timeout 900 --timeout 1800 --durations 12 notebooks

lab: setup
	$(BIN)/opendeep lab

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
