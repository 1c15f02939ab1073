# Every chore of the project; `make` alone lists them.

SHELL := /bin/sh
BIN := .venv/bin
ARGS ?=
SEEDS ?= 500
HOURS ?= 1
JOBS ?=
CYCLES ?= 50
SEED ?= 1
# Half of the tests start real processes and wait for them: two cores have enough to do with four workers.
WORKERS ?= 4

# Bytecode makes each of the many starts two to three times faster; here it may always be written.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help evidence fleet clients conformance setup proof mutation setup-runtime demo serve test check lint tidy format bench openapi gpus models simulate soak torture crashes lock clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup-runtime ## Rent a GPU on the sandbox cloud, use it, and see it gone (no account needed)
	@$(BIN)/gpu-shopper demo $(ARGS)

serve: setup-runtime ## Start the server on this machine
	@$(BIN)/gpu-shopper serve $(ARGS)

setup: ## Make .venv ready for work, from the locked requirements
	@scripts/setup dev

setup-runtime:
	@scripts/setup runtime

test: lint ## Set up, check and test everything
	@$(BIN)/python -m pytest -q -rs -n $(WORKERS) $(ARGS)

clients: setup ## Install the vendors' own clients, which some tests run (what cannot be installed is skipped)
	@scripts/client

conformance: clients ## Hold the clouds' simulators and adapters against clients that we did not write
	@$(BIN)/python -m pytest -q -rs tests/conformance $(ARGS)

fleet: setup ## All simulated clouds at once, faults on, a server killed every few seconds (RECORD=1 ARGS="--minutes 10")
	@exec $(BIN)/python -m gpu_shopper.testing.fleet $(if $(RECORD),--record docs/evidence/fleet.jsonl) $(ARGS)

check: lint tidy ## Check format, style, import rules, types, dependencies and spelling

lint: setup
	@echo "format";       $(BIN)/ruff format --check --quiet . || { echo "hint: make format" >&2; exit 1; }
	@echo "style";        $(BIN)/ruff check --quiet .
	@echo "import rules"; $(BIN)/lint-imports --no-logo >.venv/lint-imports.txt || { cat .venv/lint-imports.txt; exit 1; }
	@echo "types";        $(BIN)/mypy --no-error-summary
	@echo "dependencies"; $(BIN)/deptry src >.venv/deptry.txt 2>&1 || { cat .venv/deptry.txt; exit 1; }
	@echo "dead code";    $(BIN)/vulture
	@echo "spelling";     $(BIN)/codespell

tidy: setup
	@$(BIN)/python -m pytest -q tests/tidy

format: setup ## Format the code
	@$(BIN)/ruff format .

bench: setup ## Measure, and compare with the targets
	@for file in bench/[a-z]*.py; do echo "== $$file"; $(BIN)/python "$$file" $(ARGS) || exit 1; done

openapi: setup ## Write openapi.json from the application
	@$(BIN)/python -m gpu_shopper.api.openapi >openapi.json.new && mv openapi.json.new openapi.json

evidence: setup ## Write the tables of what each cloud can do, and of what is shown of it by which test
	@$(BIN)/python -m tests.contract.evidence
	@$(BIN)/python -m gpu_shopper.testing.cloud_page docs/clouds/capabilities.md

gpus: setup ## Write the tables of docs/reference/gpus.md from the models
	@$(BIN)/python -m gpu_shopper.testing.gpu_page docs/reference/gpus.md

models: setup ## Write the tables of docs/reference/models.md from the language models
	@$(BIN)/python -m gpu_shopper.testing.model_page docs/reference/models.md

simulate: setup ## Run SEEDS worlds in virtual time (make simulate SEEDS=500)
	@$(BIN)/python -m gpu_shopper.testing.simulate --seeds $(SEEDS) $(ARGS)

proof: setup ## Take each safety rule out of a copy, and see that the simulator notices (ARGS="R7")
	@$(BIN)/python -m gpu_shopper.testing.removals $(ARGS)

mutation: setup ## Change the rules of the domain one by one, and see that its tests notice (ARGS="launch plan")
	@scripts/mutate $(ARGS)

soak: setup ## Simulate new worlds for HOURS on JOBS processes, and add a line to docs/evidence/soak.jsonl
	@exec $(BIN)/python -m gpu_shopper.testing.soak --hours $(HOURS) $(if $(JOBS),--jobs $(JOBS)) --record docs/evidence/soak.jsonl $(ARGS)

torture: setup ## Kill the real programs CYCLES times (make torture CYCLES=200 SEED=1 RECORD=1)
	@exec $(BIN)/python -m gpu_shopper.testing.torture --cycles $(CYCLES) --seed $(SEED) $(if $(RECORD),--record docs/evidence/torture.jsonl) $(ARGS)

crashes: setup ## Crash every core scenario around each of its effects (ARGS="--pairs create")
	@$(BIN)/python -m gpu_shopper.testing.crashes $(ARGS)

lock: setup ## Write the locked requirements anew (ARGS=--upgrade for newer ones)
	@scripts/lock $(ARGS)

clean: ## Remove everything that the other targets made
	rm -rf .venv build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	find src tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +
