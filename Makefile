# `make` alone lists what can be done. Each verb does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install run test fault check format docs bench bench-ingest bench-reps bench-workload lock clean

help: ## list these verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

install: $(STAMP) ## make .venv with the pinned packages

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made: apt-get install python3-venv"; exit 1; }
	@echo "Installing the pinned packages into $(VENV) (a minute or two the first time) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "Compiling the kernels, once …"
	@$(BIN)/python -c 'from sledwatch import reps, workload; reps.warm_up(); workload.warm_up()'
	@touch $@

run: install ## run everything with a simulated gym, for example: make run ARGS="--http-port 8090"
	@exec $(BIN)/sledwatch up $(ARGS)

test: install ## run all tests, in parallel; those that need an absent program are skipped and say so
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

fault: install ## stage the long faults, some 90 minutes; for example: make fault ARGS="-k 'killed and influx'"
	@SLEDWATCH_FAULT=long $(BIN)/python -m pytest tests/fault -v -o log_cli=true --log-cli-level=INFO \
		--log-cli-format="%(asctime)s %(message)s" --log-cli-date-format=%H:%M:%S $(ARGS)

check: install ## lint, format, types, imports between packages, generated documents
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@set -e; for document in docs/generate/*.py; do $(BIN)/python $$document --check; done

format: install ## format the code and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: install ## write the generated documents anew
	@set -e; for document in docs/generate/*.py; do $(BIN)/python $$document; done

bench: install ## run the benchmarks; each prints machine, command and spread
	@set -e; for bench in benchmarks/*.py; do echo "== $$bench"; $(BIN)/python $$bench $(ARGS); done

bench-ingest: install ## measure ingest alone, for example: make bench-ingest ARGS="--peer telegraf=/usr/bin/telegraf"
	@$(BIN)/python benchmarks/ingest.py $(ARGS)

bench-reps: install ## measure how fast reps are found, for example: make bench-reps ARGS="--samples 10000000"
	@$(BIN)/python benchmarks/reps.py $(ARGS)

bench-workload: install ## measure how fast workload is judged, for example: make bench-workload ARGS="--rounds 9"
	@$(BIN)/python benchmarks/workload.py $(ARGS)

lock: ## pin the newest versions that pyproject.toml allows (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" pyproject.toml --output-file requirements.lock

clean: ## remove .venv and what tools left behind (never data)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
