# Each of these makes its own set-up first (system libraries, .venv, the package); see scripts/setup.sh.
VENV ?= .venv
PYTHON ?=
export VENV PYTHON

# A virtual screen for what opens windows outside of the tests, which have their own.
SCREEN := xvfb-run -a -s "-screen 0 1280x800x24"
ifneq ($(shell uname -s),Linux)
SCREEN :=
endif

.PHONY: help setup demo test check bench clean

help:
	@echo "make demo    open the bundled sample, stain it and write figures"
	@echo "make test    run the tests (on a virtual screen); ARGS='-m slow' those that take minutes"
	@echo "make check   ruff, mypy, the floors and the napari manifest"
	@echo "make bench   run the benchmarks"

setup:
	@scripts/setup.sh

demo: setup
	@$(VENV)/bin/conceptstain demo

test: setup
	@$(VENV)/bin/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal -m "not slow" $(ARGS)

check: setup
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/npe2 validate --imports napari-conceptstain

# Those that need the published sections say so; the others run.
bench: setup
	@for file in benchmarks/*.py; do echo "== $$file"; $(SCREEN) $(VENV)/bin/python "$$file" || true; done

clean:
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
