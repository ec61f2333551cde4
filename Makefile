# The commands of the project. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
MEMBERS := $(sort $(dir $(wildcard libs/*/pyproject.toml services/*/pyproject.toml cli/pyproject.toml)))
PYTEST := $(BIN)/python -m pytest

# Tests that compute, in folders of their own; all others start processes, and mostly wait for them.
COMPUTING := tests/unit tests/properties tests/simulation tests/oracle tests/flink_run
STORING := tests/integration/console tests/integration/local_aws tests/integration/local_stack tests/integration/sinks
# One of several runs at the same time: $(call run,MARKERS,CACHE,WHERE).
run = '$(PYTEST) -m "$(1)" --durations=10 -o cache_dir=.pytest_cache/$(2) $(3)'
SHORT := not docker and not kcl and not long

# Settings of the demo: seconds to run (0 = until Ctrl-C), no terminal drawing, report file, name and first port of the stack.
DURATION ?= 0
HEADLESS ?=
REPORT ?=
STACK ?= default
PORT_BASE ?= 18080

# Settings of the simulation.
SEEDS ?= 200
FIRST_SEED ?= 0
JOBS ?=
MUTATION ?=
VERBOSE ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-fast check format lock install conformance compose-test wheels clean simulate simulate-scaling oracle oracle-sample oracle-fuzz bench-aggregate infra-test sbom scan bench-share flink-run flink-package

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: .venv/.local ## Run the whole pipeline on this machine (DURATION=60 HEADLESS=1 REPORT=file STACK=name PORT_BASE=18080)
	@$(BIN)/etl demo --duration $(DURATION) --stack $(STACK) --port-base $(PORT_BASE) \
	  $(if $(HEADLESS),--headless) $(if $(REPORT),--report $(REPORT))

test: .venv/.dev ## Run the tests: unit, property, simulation, conformance, integration, end to end
	@scripts/side-by-side \
	  "tests with processes" $(call run,$(SHORT),processes,$(patsubst %,--ignore=%,$(COMPUTING) $(STORING))) \
	  "tests with stores" $(call run,$(SHORT),stores,$(STORING)) \
	  "tests that compute" $(call run,$(SHORT),computing,$(COMPUTING))

test-long: .venv/.dev ## Run the tests that take their time: Kinesis conformance, every way to a shard, rolling deploys, commands
	@scripts/side-by-side \
	  "tests with processes" $(call run,long,processes,$(COMPUTING:%=--ignore=%)) \
	  "tests that compute" $(call run,long,computing,$(COMPUTING))

test-fast: .venv/.dev ## Run the tests that start no process
	$(PYTEST) tests/unit tests/properties

check: .venv/.dev ## Format, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(wildcard libs/*/src services/*/src cli/src functions/*/src) examples flink
	$(BIN)/lint-imports

format: .venv/.dev ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## Compile the hashed locks again (needs uv)
	requirements/compile

install: .venv/.dev ## Make .venv with everything for development

# Two stamps: the demo needs fewer packages than the tests.
.venv/.local: requirements/local.lock $(MEMBERS:%=%pyproject.toml)
	@requirements/install "$(PYTHON)" requirements/local.lock $(MEMBERS)
	@touch $@

.venv/.dev: requirements/dev.lock $(MEMBERS:%=%pyproject.toml)
	@requirements/install "$(PYTHON)" requirements/dev.lock $(MEMBERS)
	@touch $@ .venv/.local

conformance: .venv/.dev ## Run what AWS documents of Kinesis on the double, or on ENDPOINT=http://… or ENDPOINT=aws
	$(PYTEST) tests/conformance/kinesis $(if $(ENDPOINT),--kinesis-endpoint $(ENDPOINT))

simulate: .venv/.dev ## Simulate fleets in virtual time (SEEDS=200 FIRST_SEED=0 JOBS=2 MUTATION=name VERBOSE=1)
	@PYTHONHASHSEED=0 $(BIN)/python tests/simulation/simulate.py --seeds $(SEEDS) --first-seed $(FIRST_SEED) \
	  $(if $(JOBS),--jobs $(JOBS)) $(if $(MUTATION),--mutation $(MUTATION)) $(if $(VERBOSE),--verbose)

simulate-scaling: .venv/.dev ## Simulate how shards and tasks follow their load; plots in artifacts/scaling (WRITE=1: tables of docs/performance.md too)
	@$(BIN)/python tests/simulation/scaling $(if $(WRITE),--write docs/performance.md)

compose-test: .venv/.dev ## Run events through the containers, kill one, lose none (needs Docker)
	CI=true $(PYTEST) -s -m docker tests/docker

wheels: .venv/.dev ## Build the wheels of shardline and of aws-wire, which it stands on, into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist libs/aws_wire libs/shardline
	@ls dist/*.whl

kcl-test: .venv/.dev ## Move between the Java Kinesis Client Library and shardline, both ways (needs a JDK 17 and Maven)
	$(PYTEST) -m kcl tests/kcl

bench-consume: .venv/.dev ## Measure consumers side by side on one double: ours, naive, async-kinesis, Java (BENCH="--repeats 3 …")
	$(BIN)/python tests/performance/consume $(BENCH)

oracle: .venv/.dev ## Ask real Flink every query on every input; compare with the golden answers and our engine (NAMES="over_* …" WRITE=1)
	@nice $(BIN)/python tests/oracle $(if $(WRITE),--write) $(NAMES)

oracle-sample: .venv/.dev ## The same with a dozen queries, in about three minutes
	@nice $(BIN)/python tests/oracle --sample

oracle-fuzz: .venv/.dev ## Compare random queries on random inputs with real Flink (SEED=1 CASES=120)
	@nice $(BIN)/python tests/oracle/fuzz.py --seed $(or $(SEED),1) --cases $(or $(CASES),120)

bench-aggregate: .venv/.dev ## Measure streaming SQL beside a hand-written loop and Flink on the same events (BENCH="--events 200000 …")
	$(BIN)/python tests/performance/aggregate $(BENCH)

bench-share: .venv/.dev ## Measure one aggregator, and two that share the shards, as processes on the double (BENCH="--events 100000 …")
	@PYTHONPATH=tests/support:tests/performance/aggregate $(BIN)/python tests/performance/share $(BENCH)

flink-run: .venv/.dev ## Run every pipeline on a local Flink as the managed service would, with files for streams; compare (RUNTIME=1.20|2.2 SEED=1)
	@PYTHONPATH=tests/oracle $(BIN)/python tests/flink_run --runtime $(or $(RUNTIME),1.20) --seed $(or $(SEED),1)

flink-package: .venv/.local ## Zip the Flink application into dist/flink/ (RUNTIME=1.20|2.2 PIPELINES="folder file.sql …" RENDER="--start …"; needs Maven)
	$(BIN)/etl sql flink $(or $(PIPELINES),services/aggregator/pipelines) --runtime $(or $(RUNTIME),1.20) --output build/flink $(RENDER)
	mvn -q -f flink/pom.xml -P flink-$(or $(RUNTIME),1.20) package
	$(BIN)/python flink/package.py --rendered build/flink --output dist/flink/streaming-etl-flink-$(or $(RUNTIME),1.20).zip

infra-test: .venv/.dev ## Prove the Terraform configuration without AWS: modules, profiles, policies (TF_PLUGIN_DIR=mirror STEP="docs plans")
	@$(BIN)/python functions/package >/dev/null
	@PYTHONPATH=infra/tests $(BIN)/python -m infra_checks $(STEP:%=--step %)

sbom: .venv/.local ## List what the images are made of, as CycloneDX in artifacts/sbom (with Debian's packages where an image is here)
	@$(BIN)/python requirements/supply_chain.py sbom

scan: .venv/.local ## Ask PyPI whether vulnerabilities are known of what the images install
	@$(BIN)/python requirements/supply_chain.py scan

record-calls: .venv/.dev ## Record what every service calls of AWS: by that its policies are judged (ADD=1 keeps what this run does not show)
	@PYTHONPATH=infra/tests $(BIN)/python -m iam_simulation $(if $(ADD),--add)

clean: ## Remove environments, stacks and caches of this checkout
	rm -rf .venv .stack artifacts build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
