# Prompt Canvas. `make help` lists what there is; every target sets up `.venv` by itself and is quick the second time.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
STAMP := $(VENV)/.ready
TEST_PROCESSES ?= 2

.PHONY: help setup demo test fuzz bench chaos lint format lock clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything into .venv (with uv where it is on PATH, else with pip)

$(STAMP): requirements.lock pyproject.toml
	@sh deploy/setup.sh "$(PYTHON)" "$(VENV)"
	@touch $(STAMP)

demo: setup ## Start a helpdesk with 300 tickets and show a page with the sidebar (CANVAS_PORT, CANVAS_DATA_DIR)
	@exec $(BIN)/canvas demo $(if $(CANVAS_PORT),--port $(CANVAS_PORT)) $(if $(CANVAS_DATA_DIR),--data $(CANVAS_DATA_DIR))

test: setup ## Run everything that checks this project: linters, types, contracts, tests (TEST_PROCESSES=n)
	@sh deploy/browser.sh
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --durations 15 $(PYTEST_ARGS)

fuzz: setup ## Throw 10,000 malformed requests at the API (SEED=n)
	$(BIN)/python -m tests.fuzz --inputs 10000 $(if $(SEED),--seed $(SEED))

bench: setup ## Measure, and print the performance table
	$(BIN)/python -m tests.bench

chaos: setup ## Kill, freeze and flood it, and check that nothing is lost (ONLY=NAME, SEED=n)
	$(BIN)/python -m tests.chaos $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED))

lint: setup ## Ruff, mypy and the import contracts alone
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: setup ## Format the code
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock: setup ## Resolve the lock files anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements.lock
	echo hatchling | uv pip compile - --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o deploy/build.lock
	uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o deploy/requirements.lock

clean: ## Remove .venv, caches and the demo's data
	rm -rf $(VENV) .canvas/demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
