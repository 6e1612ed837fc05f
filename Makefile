# The verbs of this repository. `make` alone lists them.
PYTHON ?= python3
AIRFLOW_PYTHON := .llmbatch/venvs/airflow/bin/python
RAY_PYTHON := .llmbatch/venvs/ray/bin/python
STACK := PYTHONPATH=deploy/embedded:include $(AIRFLOW_PYTHON) -m llmbatch_stack

.DEFAULT_GOAL := help
.PHONY: help install browser up down status doctor monitor demo schemas record-release monitoring rules locks check-locks test test-airflow test-ray test-e2e fuzz lint types types-airflow types-ray arch \
	bench-engine bench-stack bench-staging bench-large bench-drop bench-gateway bench-metrics bench-resume bench-eta chaos

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: ## create both environments, the bundled model, Prometheus and Alertmanager (for tests) under .llmbatch/
	@PYTHONPATH=deploy/embedded $(PYTHON) -m llmbatch_stack.install

browser: install ## install Debian's Chromium, for tests of pages, if there is no browser (root, or sudo without a password)
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.install.browser

up: install ## start S3, Postgres, Ray and Airflow in the background
	@$(STACK) up

down: ## stop the stack and all its processes
	@if [ -x $(AIRFLOW_PYTHON) ]; then $(STACK) down; fi

status: ## report the health of every component
	@$(STACK) status

doctor: ## make the daily checks of the running stack: one line each, with what to do
	@bin/llmbatch doctor

monitor: up ## put Prometheus and Alertmanager beside the running stack, scraping it
	@$(STACK) monitor

demo: up ## run a real job through the real engine, with a live ETA
	@$(STACK) demo

schemas: ## generate what the pinned vLLM takes: request schemas and arguments of `vllm serve`
	@PYTHONPATH=include $(RAY_PYTHON) tools/request_schemas.py

record-release: install ## record what this version stores into tests/released, for tests of later ones; never after its release
	@PYTHONPATH=include:tests:deploy/embedded $(AIRFLOW_PYTHON) -m released.record

monitoring: ## render what Prometheus, Alertmanager, Grafana and StatsD are configured with, and the table of metrics
	@PYTHONPATH=include:tools $(AIRFLOW_PYTHON) -m monitoring.render
	@PYTHONPATH=include $(AIRFLOW_PYTHON) tools/metrics_page.py

rules: install ## check what `make monitoring` renders: drift, rules, routes, inhibitions
	@PYTHONPATH=include:tools $(AIRFLOW_PYTHON) -m monitoring.render --check
	@$(AIRFLOW_PYTHON) -m pytest tests/monitoring

locks: ## compile requirements/*.lock from requirements/*.in
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.install.locks

check-locks: ## fail if a lock file does not match its .in file
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.install.locks --check

# Tests of one room run in the environment of that room only, where the libraries of the other room cannot be imported.
# Those of core and s3 run in both, each with its own pydantic, PyYAML and botocore. Simulations need only Python and run once.
SHARED_TESTS := tests/unit/core tests/unit/s3 tests/architecture
SIMULATIONS := eta/test_model.py eta/test_simulated_jobs.py eta/test_real_traces.py test_commit_protocol.py
AIRFLOW_TESTS := tests/unit/orchestrator tests/unit/gateway tests/unit/cli tests/unit/stack tests/unit/chaos tests/fuzz tests/dags
RAY_TESTS := tests/unit/cluster tests/unit/tools
E2E_TESTS := tests/e2e
# One process a core, at most four: tests/conftest.py says what stays together. Integration tests take longest, so they start first.
IN_PARALLEL := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: install ## run every test that needs no GPU and no image; all rooms, even if one fails
	@$(AIRFLOW_PYTHON) tests/rooms.py "$(MAKE)" test-airflow test-ray test-e2e

test-airflow: install
	@$(AIRFLOW_PYTHON) -m pytest $(IN_PARALLEL) tests/integration/airflow tests/browser $(SHARED_TESTS) $(AIRFLOW_TESTS)

test-ray: install
	@$(RAY_PYTHON) -m pytest $(IN_PARALLEL) tests/integration/ray $(SHARED_TESTS) $(RAY_TESTS) $(SIMULATIONS:%=--ignore=tests/unit/core/%)

test-e2e: install
	@$(AIRFLOW_PYTHON) -m pytest $(E2E_TESTS)

fuzz: install ## read 150,000 hostile inputs and requests, others each time (LLMBATCH_FUZZ=5000 examples a test), 10 minutes
	@LLMBATCH_FUZZ="$${LLMBATCH_FUZZ:-5000}" $(AIRFLOW_PYTHON) -m pytest tests/fuzz

lint: install ## run ruff: rules and format
	@$(AIRFLOW_PYTHON) -m ruff check .
	@$(AIRFLOW_PYTHON) -m ruff format --check .

# Tools that need a library of the Airflow environment: playwright.
AIRFLOW_TOOLS := tools/plotly_stylesheet.py

types: install ## run mypy in strict mode, each room in its own environment
	@$(MAKE) --no-print-directory -j 2 -O types-airflow types-ray

types-airflow: install
	@$(AIRFLOW_PYTHON) -m mypy --cache-dir .mypy_cache/airflow include/llmbatch/core include/llmbatch/s3 include/llmbatch/orchestrator include/llmbatch/gateway include/llmbatch/cli dags plugins tools/monitoring $(AIRFLOW_TOOLS) \
		deploy/embedded/llmbatch_stack tests/chaos tests/rooms.py benchmarks/bench_engine.py benchmarks/bench_stack.py \
		benchmarks/bench_staging.py benchmarks/bench_large.py benchmarks/bench_drop.py \
		benchmarks/bench_gateway.py benchmarks/bench_metrics.py benchmarks/gateway_jobs.py benchmarks/gateway_load.py benchmarks/gateway_pages.py \
		benchmarks/metrics_overhead.py benchmarks/ray_room.py \
		benchmarks/bench_resume.py benchmarks/bench_eta.py benchmarks/record_traces.py

types-ray: install
	@$(RAY_PYTHON) -m mypy --cache-dir .mypy_cache/ray include/llmbatch/core include/llmbatch/s3 include/llmbatch/cluster $(filter-out $(AIRFLOW_TOOLS),$(wildcard tools/*.py)) tests/tiny_model.py tests/tiny_models.py \
		tests/tiny_speech.py benchmarks/resume/commit_cost.py benchmarks/resume/list_committed.py \
		benchmarks/metrics_overhead.py benchmarks/overhead/replica_rounds.py

arch: install ## check the import contracts of the rooms
	@PYTHONPATH=include:deploy/embedded $(dir $(RAY_PYTHON))lint-imports --no-cache

bench-engine: install ## measure this pipeline against bare vLLM, ray.data.llm and vllm run-batch
	@PYTHONPATH=include:deploy/embedded $(AIRFLOW_PYTHON) benchmarks/bench_engine.py

bench-stack: install ## measure how much speed an engine loses beside the idle stack
	@PYTHONPATH=include:deploy/embedded $(AIRFLOW_PYTHON) benchmarks/bench_stack.py

bench-staging: install ## measure rows per second and memory of staging
	@PYTHONPATH=include:deploy/embedded $(AIRFLOW_PYTHON) benchmarks/bench_staging.py

bench-large: install ## run a job of 2 M rows with the fake engine: seconds and memory by phase (LLMBATCH_BENCH_ROWS)
	@PYTHONPATH=include:deploy/embedded $(AIRFLOW_PYTHON) benchmarks/bench_large.py

bench-drop: install ## measure a scan of an inbox with 100,000 objects (LLMBATCH_BENCH_KEYS)
	@PYTHONPATH=include:deploy/embedded $(AIRFLOW_PYTHON) benchmarks/bench_drop.py

bench-gateway: install ## measure the HTTP API beside 10,000 finished and 100 running jobs (LLMBATCH_BENCH_JOBS)
	@PYTHONPATH=include:deploy/embedded:benchmarks:tests $(AIRFLOW_PYTHON) benchmarks/bench_gateway.py

bench-metrics: install ## measure what metrics cost an engine, and a scrape beside 10,100 jobs (LLMBATCH_BENCH_SCRAPES)
	@PYTHONPATH=include:deploy/embedded:benchmarks:tests $(AIRFLOW_PYTHON) benchmarks/bench_metrics.py

bench-resume: install ## measure the cost of commits and heartbeats, and the time to resume after a crash
	@PYTHONPATH=include:deploy/embedded:tests $(AIRFLOW_PYTHON) benchmarks/bench_resume.py

chaos: install ## run the kill matrix: each fault at each moment of a job (LLMBATCH_CHAOS=short|echo|vllm|all), about an hour
	@PYTHONPATH=include:deploy/embedded:tests $(AIRFLOW_PYTHON) -m chaos

bench-eta: install ## measure ETA accuracy: ours and other methods on simulated, held-out jobs
	@PYTHONPATH=include:benchmarks $(AIRFLOW_PYTHON) benchmarks/bench_eta.py
