# Everything goes through `.venv`, which makes itself from python3 and requirements.lock.

PYTHON ?= python3
DATA_DIR ?= ./var
PORT ?= 8080
WORKERS ?= auto
PYTEST_ARGS ?=
BENCH_ARGS ?=
UV := uv==0.13.9
COMPILE = build/lock/bin/uv pip compile --quiet --no-config --system-certs --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/pytest -n $(WORKERS) --maxprocesses 4 --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help up test check format bench soak lock openapi messages accessibility screenshots audit clean
.DELETE_ON_ERROR:

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-13s %s\n", $$1, $$2 }'

up: $(STAMP) ## Start everything with demo users (DATA_DIR=./var PORT=8080)
	@exec $(BIN)/factorlog up --demo --data-dir $(DATA_DIR) --port $(PORT)

test: $(STAMP) ## Run the whole suite, in parallel and in random order (PYTEST_ARGS=…)
	@tests/prepare.sh
	$(PYTEST) $(PYTEST_ARGS)

check: $(STAMP) ## Format, lint, types, import contracts, dependencies, dead code: before each commit
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .
	$(BIN)/vulture

format: $(STAMP) ## Format the code and repair what the linter can
	$(BIN)/ruff check --fix --exit-zero --quiet
	$(BIN)/ruff format

bench: $(STAMP) ## Measure beside bare floors, print a table and JSON (BENCH_ARGS=…)
	$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

soak: $(STAMP) ## The suite in full sizes: takes long
	@tests/prepare.sh
	FACTORLOG_SOAK=1 $(PYTEST) --timeout 7200 -m "not benchmark" $(PYTEST_ARGS)

lock: ## Pin every dependency anew, with hashes and without addresses
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/pip install --quiet --disable-pip-version-check '$(UV)'
	$(COMPILE) --upgrade --all-extras --output-file requirements.lock pyproject.toml
	@# The image's: what runs, without the embedded servers and the tools, at the same versions.
	$(COMPILE) --constraint requirements.lock --output-file requirements.runtime.lock pyproject.toml

openapi: $(STAMP) ## Write services/api/openapi.json and docs/configuration.md anew
	$(BIN)/python -m services.api.openapi
	$(BIN)/python -m services.cli.configuration

messages: $(STAMP) ## Bring the translations in step with the sentences of the portal
	$(BIN)/python -m services.portal.catalogue

accessibility: $(STAMP) ## Write docs/accessibility.md anew: axe over every page, in every language
	FACTORLOG_TEST_REPORT=docs/accessibility.md $(BIN)/pytest -q -n 0 -p no:randomly tests/browser/test_accessibility.py

screenshots: $(STAMP) ## Take the pictures of docs/screenshots/ anew, from the demo data
	@tests/prepare.sh
	$(BIN)/python -m tests.browser.screenshots docs/screenshots

audit: $(STAMP) ## Ask for known weaknesses of the pinned versions (needs the network)
	$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements.lock

clean: ## Remove .venv, caches and build output; var/ stays
	rm -rf .venv build dist bench .coverage .coverage.* htmlcov .hypothesis .schemathesis *.egg-info
	find . -path ./var -prune -o -type d \( -name __pycache__ -o -name '.*_cache' \) -prune -exec rm -rf {} +

# Made again when what is to be installed changed. `--no-deps`: the lock is complete, and nothing else may come in.
$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Factorlog needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1 | head -1)." >&2; \
		echo "Name another one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Preparing .venv (once; some 150 MB are downloaded)" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes -r requirements.lock >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation --editable . >&2
	@touch $(STAMP)
