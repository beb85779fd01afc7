# The verbs of this project. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
UV_VERSION := 0.13.9
PYTHON ?= python3
UV := build/uv/bin/uv
RUN := .venv/bin
STAMP := build/.setup

.PHONY: missing-venv help setup check unit e2e faults battery fuzzed fuzz test demo image crds manifests bench bench-core bench-queue bench-learned bench-throughput bench-placement bench-placement-live bench-learned-live bench-placement-real bench-learned-real placement clean

help: ## list the verbs
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 31

missing-venv:

setup: $(STAMP) ## install the pinned tools into .venv
$(STAMP): pyproject.toml uv.lock $(if $(wildcard .venv/bin/python),,missing-venv)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON"; exit 1; }
	@echo "== setup: uv $(UV_VERSION), then the locked packages"
	@test -x $(UV) || { $(PYTHON) -m venv build/uv && build/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	@$(UV) sync --frozen --quiet
	@touch $(STAMP)

check: setup ## lint, types, layers, generated files
	$(RUN)/ruff check --quiet .
	$(RUN)/ruff format --check --quiet .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-logo 2>/dev/null || $(RUN)/lint-imports
	$(RUN)/python -m loadstar.api.crd --check

unit: setup ## tests without a cluster
	$(RUN)/pytest -q tests/unit

e2e: setup ## tests on a cluster: KUBECONFIG's, else a test bed that comes and goes
	$(RUN)/python -m tests.e2e

faults: setup ## a part of the fault battery: the operator killed after every write, on simulated nodes
	$(RUN)/python -m tests.faults battery --subset

battery: setup ## the whole fault battery, and the slow faults on real nodes; reports in bench/results and docs/
	$(RUN)/python -m tests.faults battery
	$(RUN)/python -m tests.e2e --battery

fuzzed: setup ## 1,000 fuzzed objects on a test bed that comes and goes
	$(RUN)/python -m tests.fuzz

fuzz: setup ## 10,000 of them; SEED=number for others; the summary in bench/results/fuzz.json
	$(RUN)/python -m tests.fuzz --objects 10000 $(if $(SEED),--seed $(SEED)) --result bench/results/fuzz.json

test: ## everything
	@started=$$SECONDS; for step in check unit placement $(if $(KUBECONFIG),,faults fuzzed) e2e; do \
	  echo "== $$step"; at=$$SECONDS; $(MAKE) --no-print-directory $$step || exit 1; echo "== $$step took $$((SECONDS-at)) s"; \
	done; echo "== all tests passed in $$((SECONDS-started)) s"

demo: setup ## a cluster, the chart, sample Tasks to SUCCESS
	$(RUN)/python -m tests.demo

image: setup ## the operator's image, with docker, podman or buildah
	$(RUN)/python -m tests.image

crds: setup ## write the generated files
	$(RUN)/python -m loadstar.api.crd

manifests: setup ## render the chart into manifests/
	$(RUN)/python -m tests.image.manifests

bench: setup ## measurements, kept in bench/results
	$(RUN)/python -m bench

bench-core: setup ## what choosing a node costs, as nodes grow; kept in bench/results/core.json
	$(RUN)/python -m bench.core

bench-queue: setup ## what waiting costs, to a million Tasks; kept in bench/results/queue.json
	$(RUN)/python -m bench.queue

bench-learned: setup ## what learned requests bring, simulated; kept in bench/results/learned.json
	$(RUN)/python -m bench.learned

UNITS ?= 1000 2000 5000 10000
NODES ?= 100 500 1000 5000
PAIRS ?= 5
MEMORY ?= 50000
MORE ?=
bench-throughput: setup ## Loadstar beside batch/v1 Jobs: UNITS, NODES, PAIRS, MEMORY
	@$(UV) sync --frozen --quiet --group bench
	BENCH_COMMAND='make bench-throughput UNITS="$(UNITS)" NODES="$(NODES)" PAIRS=$(PAIRS) MEMORY=$(MEMORY) MORE="$(MORE)"' \
	  $(RUN)/python -m bench.throughput --units "$(UNITS)" --nodes "$(NODES)" --pairs $(PAIRS) --memory $(MEMORY) $(MORE)
	$(RUN)/python -m bench.throughput.table

bench-placement: setup ## Loadstar's placement beside that of others in the simulator; kept in bench/results
	@$(UV) sync --frozen --quiet --group bench
	$(RUN)/python -m bench.placement $(MORE)

SCENARIOS ?=
bench-placement-live: setup ## the same on simulated nodes with all else real; as root, PAIRS, SCENARIOS; what is kept is not run again
	@$(UV) sync --frozen --quiet --group bench
	BENCH_COMMAND='make bench-placement-live PAIRS=$(PAIRS)$(if $(SCENARIOS), SCENARIOS="$(SCENARIOS)")' \
	  $(RUN)/python -m bench.live placement --pairs $(PAIRS) --scenarios "$(SCENARIOS)" $(MORE)

bench-learned-live: setup ## learned requests on simulated nodes, beside batch/v1 Jobs; the same variables
	@$(UV) sync --frozen --quiet --group bench
	BENCH_COMMAND='make bench-learned-live PAIRS=$(PAIRS)$(if $(SCENARIOS), SCENARIOS="$(SCENARIOS)")' \
	  $(RUN)/python -m bench.live learned --pairs $(PAIRS) --scenarios "$(SCENARIOS)" $(MORE)

REAL_PAIRS ?= 5
REAL_SECONDS ?= 180
REAL_RATE ?= 0.27
bench-placement-real: setup ## LoadAware beside kube-scheduler on three real nodes under real load: REAL_PAIRS, REAL_SECONDS, REAL_RATE
	@$(UV) sync --frozen --quiet --group bench
	BENCH_COMMAND='make bench-placement-real REAL_PAIRS=$(REAL_PAIRS) REAL_SECONDS=$(REAL_SECONDS) REAL_RATE=$(REAL_RATE)' \
	  $(RUN)/python -m bench.live.real_placement --pairs $(REAL_PAIRS) --seconds $(REAL_SECONDS) --rate $(REAL_RATE) $(MORE)

REAL_ROUNDS ?= 5
bench-learned-real: setup ## over-declared Tasks with learned requests and without on three real nodes, and kills for memory: REAL_ROUNDS
	@$(UV) sync --frozen --quiet --group bench
	BENCH_COMMAND='make bench-learned-real REAL_ROUNDS=$(REAL_ROUNDS)' \
	  $(RUN)/python -m bench.live.real_learned --rounds $(REAL_ROUNDS) $(MORE)

placement: setup ## the quick form of it, which proves the order of policies where requests are too small and where I/O contends
	$(RUN)/python -m bench.placement --quick

clean: ## remove what was built, and the test bed
	-@test -x $(RUN)/python && $(RUN)/python -m tests.cluster down
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
