# make demo: set up, train, show.   make test: every check.   Both need only python3 (3.11 or newer); a C++
# compiler makes the native engine.  PYTHON=python3.12 picks another interpreter for a new .venv.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install -q -c constraints.txt
# The build tools live in .venv, at the versions of constraints.txt, so nothing is built in a second environment.
INSTALL := $(PIP) --no-build-isolation
NATIVE := CMakeLists.txt $(shell find native 2>/dev/null)
# version.py holds the version, which is written into the installation.
SETUP := pyproject.toml constraints.txt src/recurra/version.py $(NATIVE)

.DEFAULT_GOAL := help
.PHONY: help demo test check lint format types imports names pytest fuzz arm docs bench bench-vectors gallery clean

help:
	@echo "make demo            set up, train the small language model, evaluate, sample, stream, report"
	@echo "make test            lint, types, imports, names and tests (make check: the same without the tests)"
	@echo "make fuzz            the fuzz tests for longer, FUZZ_SECONDS each, with fresh inputs"
	@echo "make docs            the documentation site, in site/, with every link followed"
	@echo "make bench           every measured figure     make bench-vectors   those of the word vectors"
	@echo "make gallery         trains small runs and draws docs/gallery.md"
	@echo "make arm             the native code's tests for 64-bit Arm, in an emulator"
	@echo "make format          format and fix            make clean           remove what was built, and .venv"

demo: $(VENV)/.installed
	$(VENV)/bin/recurra demo

test: check pytest

check: lint types imports names

lint: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/.installed-dev
	$(PY) -m mypy

imports: $(VENV)/.installed-dev
	$(PY) scripts/check_imports.py

names: $(VENV)/.installed-dev
	$(PY) scripts/check_names.py

# Two workers, one thread each (tests/conftest.py): worksteal keeps a file's tests together until one is idle.
pytest: $(VENV)/.installed-dev
	$(PY) -m pytest -q -n 2 --dist worksteal

# Ten minutes a fuzz test, from a seed of its own; FUZZ_SECONDS=60 for less.
FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.installed-dev
	RECURRA_FUZZ_SECONDS=$(FUZZ_SECONDS) RECURRA_FUZZ_SEED=$$(date +%s) $(PY) -m pytest -q -n 2 tests/fuzz

# Needs a cross compiler and an emulator, so it is no part of `make test`: see scripts/arm.sh.
arm: $(VENV)/.tools
	scripts/arm.sh

# What the code tells is in the pages (scripts/pages.py), what commands print in the transcripts (scripts/transcripts.py).
docs: $(VENV)/.installed-docs
	$(PY) scripts/docs_site.py

format: $(VENV)/.installed-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

gallery: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(PY) scripts/gallery.py

bench: $(VENV)/.installed-dev
	$(VENV)/bin/recurra bench -o docs/figures/bench.json

bench-vectors: $(VENV)/.installed-dev
	$(PY) benchmarks/vectors.py

clean:
	rm -rf $(VENV) build dist site

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Recurra needs Python 3.11 or newer, found " + sys.version.split()[0] + ": set PYTHON=")'
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.tools: constraints.txt $(VENV)/.created
	$(PIP) scikit-build-core nanobind cmake ninja setuptools
	@touch $@

$(VENV)/.installed: $(SETUP) $(VENV)/.tools
	$(INSTALL) -e '.[all]'
	@$(PY) scripts/built.py
	@touch $@

$(VENV)/.installed-dev: $(SETUP) $(VENV)/.tools
	$(INSTALL) -e '.[all,bench,test,dev]'
	@$(PY) scripts/built.py
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(SETUP) $(VENV)/.tools
	$(INSTALL) -e '.[all,docs]'
	@touch $@
