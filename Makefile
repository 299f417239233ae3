# Everything from a fresh clone: `make demo`, `make test`, `make test-all`, `make lint`.
# PYTHON names the interpreter (3.11 or newer).
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST_ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-all lint clean

demo: $(VENV)/.installed
	$(BIN)/duplex demo --out duplex-demo

# The fast tests: no model framework, browser or cluster; nothing depends on how fast the machine is.
test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

# Everything: training, the page in Chromium, Ray, real devices, the wheel in a clean environment. Weights that cannot be
# pulled are done without: their tests are left out.
test-all: $(VENV)/.installed-test-all
	-$(BIN)/duplex models pull moonshine-tiny-en gtcrn dtln deepfilternet segmentation-and-campplus
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy

clean:
	rm -rf $(VENV) build dist *.egg-info duplex-demo

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	touch $(VENV)/.installed $@
