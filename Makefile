# Every target sets up what it needs by itself: see scripts/setup.
.DEFAULT_GOAL := help
.PHONY: help setup install demo test unit check lint types format bench docs clean

BIN := .venv/bin

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##/\1\t/p' Makefile | expand -t 10

setup:  ## make .venv from uv.lock
	@scripts/setup

install: setup  ## the same, and say where the program is
	@echo "the program is $(BIN)/planaria"

demo: setup  ## follow a live Valkey, destroy it, bring it back to a chosen second
	@$(BIN)/python -m scripts.demo

test:  ## everything: style, types, layers, every tier of tests
	@scripts/setup test
	@$(MAKE) --no-print-directory check
	@scripts/tiers.sh

unit: setup  ## the quickest tests only
	@scripts/tiers.sh unit

check: lint types

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

format: setup  ## rewrite the sources in the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench:  ## measure, side by side with what others use
	@scripts/setup bench
	@$(BIN)/python -m bench

docs: setup  ## make the reference pages from the code
	@$(BIN)/python scripts/docs.py

clean:  ## remove everything that can be made again
	rm -rf .venv .tools .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
