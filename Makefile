# All commands for development; they call the tools with the right options. `make` prints this list.
.DEFAULT_GOAL := help
.PHONY: help install keep demo test prove check bench openrpc format lint types run-hub run-kiosk run-monitor run-admin clean
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# Arguments for a program or for pytest: make run-kiosk ARGS="--hub ws://desk:8765", make test ARGS="-k join"
ARGS ?=
# make install ROLE=hub installs no Qt, ROLE=gui no database driver
ROLE ?=

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

install:  ## make .venv with every program (ROLE=hub or ROLE=gui for one role)
	@scripts/install $(ROLE)

# Keeps the installed role: on a machine with one role, make run-… installs nothing else.
keep:
	@scripts/install keep

demo: install  ## hub, kiosk, monitor and console with a stream of patients; without a screen, pictures in tour/
	@scripts/demo $(ARGS)

# Two tests run at a time; one with ARGS="-n 0". On a slow machine: INTURN_TEST_PATIENCE=3 make test.
test: install  ## every test, on a real hub, a real PostgreSQL and real windows
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

prove: install  ## long runs of load and kill tests, and speeds; minutes, on a quiet machine
	@INTURN_PROVE=1 $(BIN)/python -m pytest --timeout 3600 tests/server tests/faults tests/speeds $(ARGS)

check: install  ## format, lint, types, imports and tests
	@$(BIN)/ruff format --check .
	@$(MAKE) lint types test

bench: install  ## rates and delays of the hub and the windows
	@$(BIN)/python -m tests.bench $(ARGS)

openrpc: install  ## docs/openrpc.json from the hub's methods
	@$(BIN)/python -m server.routers > docs/openrpc.json

format: install  ## format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

lint: install  ## ruff and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

types: install  ## mypy, strict
	@$(BIN)/mypy

run-hub: keep  ## the hub: make run-hub ARGS="--data-dir DIR"
	@$(BIN)/inturn-hub serve $(ARGS)

run-kiosk: keep  ## the kiosk window
	@$(BIN)/inturn-kiosk $(ARGS)

run-monitor: keep  ## the wall monitor window
	@$(BIN)/inturn-monitor $(ARGS)

run-admin: keep  ## the console for staff
	@$(BIN)/inturn-admin $(ARGS)

clean:  ## remove the files of tools and builds, but not .venv
	@rm -rf build dist tour .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
