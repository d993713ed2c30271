# make demo    set up what is needed and dither a photograph through every stage
# make test    set up and run the tests
# make market  a whole market on this machine, with a real study (STAY=1 keeps its web page)
# make check   what CI runs: lint, types, import rules, docs, tests
# make bench   measure, beside C and other libraries, into docs/benchmarks.md: five minutes
# make bench-market  measure what an exchange carries, into docs/benchmarks-market.md: ten minutes
# make fuzz    property tests with many more examples, and coverage-guided fuzzing (MINUTES=30)
# make mutants whether the tests would notice a mistake in the verifier
# make trust   measure what liars get away with, into docs/market.md: five minutes
# make chaos   kill the processes of a market at random, 100 times on each database, and count
# make site    the documents as web pages
# make clean   remove what these made

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	{ echo $$p; break; }; done)
NEED := Python 3.11 or newer with venv is needed: apt install python3-venv
FUZZ_EXAMPLES ?= 10000
KILLS ?= 100

.PHONY: help demo market test check lint bench bench-market fuzz mutants assurance docs site \
	trust chaos clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make \)/\1/p' $(firstword $(MAKEFILE_LIST))

# The stamps are written last: an interrupted set-up is done again.
$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "$(NEED)" >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[demo,dev]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	@$(BIN)/python -m cpushare.demo

$(VENV)/.market: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[demo,exchange]'
	@touch $@ $(VENV)/.demo

market: $(VENV)/.market
	@$(BIN)/python -m cpushare.showcase $(if $(STAY),--stay)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	$(BIN)/python -m vm.docs --check
	$(BIN)/python -m compiler.docs --check

# The documents as web pages, in out/site.
site: $(VENV)/.dev
	$(BIN)/python -m cpushare.site out/site

check: lint docs test

$(VENV)/.fuzz: $(VENV)/.dev
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[demo,dev,fuzz]'
	@touch $@

# `make fuzz`: 10,000 new examples a property test, then ten minutes of atheris
# `make fuzz MINUTES=30`: half of it for atheris, half for rounds of property tests
fuzz: $(VENV)/.fuzz
ifdef MINUTES
	$(BIN)/python -m fuzz --minutes $(MINUTES)
else
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n auto -m fuzz tests
	$(BIN)/python -m fuzz --minutes 10 --only targets
endif

# Small changes of the verifier, one at a time: would the tests notice? About half an hour.
mutants: $(VENV)/.fuzz
	rm -rf mutants
	$(BIN)/python -m mutmut run
	$(BIN)/python -m fuzz.mutants

# docs/assurance.md, from the last fuzzing and mutants, and from the test suite, which is run.
assurance: $(VENV)/.fuzz
	rm -rf out/assurance
	ASSURANCE=$(CURDIR)/out/assurance $(BIN)/python -m pytest -n auto
	$(BIN)/python -m fuzz.assurance

# Peers live in an environment of their own: numba pins llvmlite.
.venv-bench/.stamp: $(VENV)/.python bench/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --disable-pip-version-check -r bench/requirements.txt
	@touch $@

bench: $(VENV)/.dev .venv-bench/.stamp
	$(BIN)/python -m bench --write

# On SQLite and PostgreSQL; ends with 1 if a floor is missed.
bench-market: $(VENV)/.dev
	$(BIN)/python -m bench.market --write

# docs/trust.json, its plot and its table: wrong results and work, against the share of liars.
trust: $(VENV)/.dev
	$(BIN)/python -m tests.market.curves --write

# SIGKILL strikes sellers, front ends, checking workers, databases and the buyer: five minutes.
chaos: $(VENV)/.dev
	$(BIN)/python -m tests.market.chaos --kills $(KILLS)

clean:
	rm -rf $(VENV) .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		build dist out mutants
