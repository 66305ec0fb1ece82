# One verb each; `make help` lists them. Every target sets up what it needs: `make demo` works on a fresh clone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest
# A file's tests stay together (they share an Asterisk, a browser, a record), on as many workers as there are cores.
WORKERS := -n logical --dist loadfile --durations 15

.PHONY: help setup demo quick test tests package-types types style imports notebooks lab docs slow soak clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Everything into .venv

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "OpenDeep needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "Python's venv module is missing: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[rehearsal,postgres,docs,dev]'
	@touch $(READY)

demo: setup ## A campaign of simulated callees with real speech, from nothing to a table of outcomes
	$(BIN)/opendeep demo --json data/demo.json

quick: style package-types ## While you work: style, types of the package, unit tests
	$(PYTEST) $(WORKERS) -m "unit and not slow and not soak"

test: style types imports tests ## Before a commit: style, types, the import rule, all but slow tests

style: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

package-types: setup
	$(BIN)/mypy -p opendeep_kit

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

tests: setup
	$(PYTEST) $(WORKERS) -m "not slow and not soak"

slow: setup ## Whole services, browsers and notebooks: what `make test` has too few of
	$(PYTEST) $(WORKERS) -m "slow and not soak" --timeout 600

soak: setup ## What takes minutes: random runs, waiting for clocks, whole services that lose parts
	$(PYTEST) -m soak --timeout 1800

# In a folder of its own, with humming voices.
notebooks: setup ## Every notebook as it is, cell by cell: no cell may fail
	OPENDEEP_REHEARSAL__ENGINE=tones OPENDEEP_DATA_DIR=$$(mktemp -d) \
		$(PYTEST) -p nbval --nbval-lax --nbval-cell-timeout 900 --timeout 1800 --durations 12 notebooks

lab: setup ## JupyterLab on the notebooks
	$(BIN)/opendeep lab

docs: setup ## The documents, and the reference made from the code, as a site in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

clean: ## Away with what was set up and cached
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
