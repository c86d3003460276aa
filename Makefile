# Every target does its own set-up. VENV and PYTHON may be given: make test PYTHON=python3.13 VENV=.venv313
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEV    := $(VENV)/.ready-dev

.DEFAULT_GOAL := help
.PHONY: help demo test check bench pictures prove

help: ## Say what each target does
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

demo: $(READY) ## Set everything up and open the terminal on the practice venue (paper money)
	@$(BIN)/ftt demo

test: $(DEV) ## Set everything up and run the tests, two at a time
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(DEV) ## Format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(DEV) ## Measure against floors and peers in the same run
	$(BIN)/python -m benchmarks

pictures: $(READY) ## Take the pictures of the docs anew from the running program
	@mkdir -p docs/pictures
	@for size in 80x24 120x40 200x60; do \
	  $(BIN)/ftt demo --seed 7 --for 25 --theme newsprint --size $$size \
	    --screenshot docs/pictures/front-page-$$size.svg; done
	@$(BIN)/ftt demo --seed 7 --for 25 --theme ink --size 120x40 \
	  --screenshot docs/pictures/front-page-120x40-ink.svg

prove: $(DEV) ## The longer proofs that are left out of make test
	$(BIN)/python -m pytest -m slow --timeout=1800

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Fit to Trade needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@echo "setting up $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV)

$(READY): pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(READY)
