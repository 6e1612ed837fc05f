# The verbs of this repository. `make` alone lists them.
PYTHON ?= python3
AIRFLOW_PYTHON := .llmbatch/venvs/airflow/bin/python
RAY_PYTHON := .llmbatch/venvs/ray/bin/python
STACK := PYTHONPATH=deploy/embedded:include $(AIRFLOW_PYTHON) -m llmbatch_stack

.DEFAULT_GOAL := help
.PHONY: help install browser up down status doctor monitor demo schemas monitoring rules locks check-locks test test-airflow test-ray test-e2e test-nightly fuzz lint types types-airflow types-ray arch \
	images image-airflow image-ray-gpu image-ray-cpu sbom policies secure test-deploy wheel record-release \
	bench-engine bench-stack bench-staging bench-large bench-drop bench-gateway bench-metrics bench-resume bench-eta chaos

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: ## create both environments, the bundled model, Prometheus and Alertmanager (for tests) under .llmbatch/
	@PYTHONPATH=deploy/embedded $(PYTHON) -m llmbatch_stack.install

browser: install ## install Debian's Chromium, for tests of pages, if there is no browser (root, or sudo without a password)
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.install.browser

wheel: install ## build the wheel of llmbatch into dist/
	@$(AIRFLOW_PYTHON) -m hatchling build --target wheel --directory dist

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

policies: ## render the S3 policies of deploy/security from the table of access
	@PYTHONPATH=include $(AIRFLOW_PYTHON) tools/s3_policies.py

rules: install ## check what `make monitoring` renders: drift, rules, routes, inhibitions
	@PYTHONPATH=include:tools $(AIRFLOW_PYTHON) -m monitoring.render --check
	@$(AIRFLOW_PYTHON) -m pytest tests/monitoring

locks: ## compile requirements/*.lock from requirements/*.in
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.install.locks

check-locks: ## fail if a lock file does not match its .in file
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.install.locks --check

# The version of an image is that of the package, the revision that of the checkout. BUILD_OPTIONS: docs/images.md.
DOCKER ?= docker
BUILD_OPTIONS ?=
VERSION = $(shell sed -n 's/^VERSION = "\(.*\)"$$/\1/p' include/llmbatch/version.py)
REVISION = $(shell git describe --always --dirty --abbrev=40 --exclude '*')
BUILD = $(DOCKER) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) $(BUILD_OPTIONS)

images: image-airflow image-ray-gpu image-ray-cpu ## build the images of both sides, of Ray's for GPUs and for CPUs

image-airflow: ## build the image of the Airflow side
	$(BUILD) --tag llmbatch-airflow:$(VERSION) .

image-ray-gpu: ## build the image of the Ray side for NVIDIA GPUs
	$(BUILD) --file deploy/ray/Dockerfile --build-arg LOCK=ray-gpu --tag llmbatch-ray:$(VERSION)-gpu .

image-ray-cpu: ## build the image of the Ray side for CPUs, with the bundled models
	$(BUILD) --file deploy/ray/Dockerfile --build-arg LOCK=ray-cpu --build-arg BUNDLED_MODELS=1 --tag llmbatch-ray:$(VERSION)-cpu .

sbom: ## write the bill of materials of each image to .llmbatch/sbom
	@PYTHONPATH=deploy/embedded $(PYTHON) -m llmbatch_stack.install.sbom

# Tests of one room run in the environment of that room only, where the libraries of the other room cannot be imported.
# Those of core and s3 run once: both rooms have the same releases of their libraries (tests/architecture/test_shared_versions.py).
SHARED_TESTS := tests/unit/core tests/unit/s3 tests/architecture
AIRFLOW_TESTS := tests/unit/orchestrator tests/unit/gateway tests/unit/cli tests/unit/stack tests/unit/chaos tests/fuzz tests/dags tests/deploy tests/unit/provider
RAY_TESTS := tests/unit/cluster tests/unit/tools
E2E_TESTS := tests/e2e
# One process a core, at most four: tests/conftest.py says what stays together. Integration tests take longest, so they start first.
IN_PARALLEL := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: install ## run every test that needs no GPU and no image; all rooms, even if one fails
	@$(AIRFLOW_PYTHON) tests/rooms.py "$(MAKE)" test-airflow test-ray test-e2e

test-airflow: install
	@$(AIRFLOW_PYTHON) -m pytest $(IN_PARALLEL) tests/integration/airflow tests/browser $(SHARED_TESTS) $(AIRFLOW_TESTS)

test-ray: install
	@$(RAY_PYTHON) -m pytest $(IN_PARALLEL) tests/integration/ray $(RAY_TESTS) tests/architecture/test_room_environment.py

test-e2e: install
	@$(AIRFLOW_PYTHON) -m pytest $(E2E_TESTS)

test-nightly: install ## run the tests that take minutes of engine time each, which `make test` leaves out
	@$(RAY_PYTHON) -m pytest -m nightly tests/integration/ray
	@$(AIRFLOW_PYTHON) -m pytest -m nightly $(E2E_TESTS)

test-deploy: install ## build the images and run the compose file on a Docker engine of its own; needs root, not Docker
	@$(AIRFLOW_PYTHON) -m pytest -s tests/containers

fuzz: install ## read 150,000 hostile inputs and requests, others each time (LLMBATCH_FUZZ=5000 examples a test), 10 minutes
	@LLMBATCH_FUZZ="$${LLMBATCH_FUZZ:-5000}" $(AIRFLOW_PYTHON) -m pytest tests/fuzz

lint: install ## run ruff: rules and format
	@$(AIRFLOW_PYTHON) -m ruff check .
	@$(AIRFLOW_PYTHON) -m ruff format --check .

secure: install ## look for secrets in tracked files (gitleaks), and for weak code (bandit)
	@$(AIRFLOW_PYTHON) tools/secure.py

# Tools that need a library of the Airflow environment: playwright, hatchling.
AIRFLOW_TOOLS := tools/plotly_stylesheet.py tools/wheel_metadata.py

types: install ## run mypy in strict mode, each room in its own environment
	@$(MAKE) --no-print-directory -j 2 -O types-airflow types-ray

types-airflow: install
	@$(AIRFLOW_PYTHON) -m mypy --cache-dir .mypy_cache/airflow include/llmbatch/core include/llmbatch/s3 include/llmbatch/orchestrator include/llmbatch/gateway include/llmbatch/provider include/llmbatch/cli dags plugins tools/monitoring $(AIRFLOW_TOOLS) \
		deploy/embedded/llmbatch_stack tests/chaos tests/rooms.py benchmarks/bench_engine.py benchmarks/bench_stack.py \
		benchmarks/bench_staging.py benchmarks/bench_large.py benchmarks/bench_drop.py \
		benchmarks/bench_gateway.py benchmarks/bench_metrics.py benchmarks/gateway_jobs.py benchmarks/gateway_load.py benchmarks/gateway_pages.py benchmarks/gateway_paint.py \
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
