# Verbs of this checkout. `make` alone lists them.
PYTHON ?= python3
AIRFLOW_PYTHON := .llmbatch/venvs/airflow/bin/python
RAY_PYTHON := .llmbatch/venvs/ray/bin/python
STACK := PYTHONPATH=deploy/embedded:include $(AIRFLOW_PYTHON) -m llmbatch_stack

.DEFAULT_GOAL := help
.PHONY: help install up down status demo locks check-locks test test-airflow test-ray test-e2e lint types arch \
	bench-engine bench-stack bench-staging bench-resume bench-eta chaos

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: ## both virtual environments, the bundled model and Alertmanager (for tests) under .llmbatch/
	@PYTHONPATH=deploy/embedded $(PYTHON) -m llmbatch_stack.install

up: install ## start S3, Postgres, Ray and Airflow in the background
	@$(STACK) up

down: ## stop all of it and leave nothing behind
	@if [ -x $(AIRFLOW_PYTHON) ]; then $(STACK) down; fi

status: ## ask every component whether it is healthy
	@$(STACK) status

demo: up ## run a real job through the real engine, with a live ETA
	@$(STACK) demo

locks: ## compile requirements/*.lock from requirements/*.in
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.install.locks

check-locks: ## fail if a lock is not what its .in file gives
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.install.locks --check

# One room's tests run in that room's environment only: the other room's libraries are not there to be imported.
# Those of core and s3 run in both, each with its own pydantic, PyYAML and botocore. Simulations need Python alone: once is enough.
SHARED_TESTS := tests/unit/core tests/unit/s3 tests/architecture
SIMULATIONS := eta/test_model.py eta/test_real_traces.py test_commit_protocol.py
AIRFLOW_TESTS := tests/unit/orchestrator tests/unit/stack tests/unit/chaos tests/dags tests/integration/airflow
RAY_TESTS := tests/unit/cluster tests/integration/ray
E2E_TESTS := tests/e2e

test: install ## every test that needs no GPU and no image; all rooms, also when one is red
	@$(AIRFLOW_PYTHON) tests/rooms.py "$(MAKE)" test-airflow test-ray test-e2e

test-airflow: install
	@$(AIRFLOW_PYTHON) -m pytest $(SHARED_TESTS) $(AIRFLOW_TESTS)

test-ray: install
	@$(RAY_PYTHON) -m pytest $(SHARED_TESTS) $(RAY_TESTS) $(SIMULATIONS:%=--ignore=tests/unit/core/%)

test-e2e: install
	@$(AIRFLOW_PYTHON) -m pytest $(E2E_TESTS)

lint: install ## ruff, rules and format
	@$(AIRFLOW_PYTHON) -m ruff check .
	@$(AIRFLOW_PYTHON) -m ruff format --check .

types: install ## mypy, strict, each room in its own environment
	@$(AIRFLOW_PYTHON) -m mypy include/llmbatch/core include/llmbatch/s3 include/llmbatch/orchestrator include/llmbatch/cli dags plugins \
		deploy/embedded/llmbatch_stack tests/chaos tests/rooms.py benchmarks/bench_engine.py benchmarks/bench_stack.py \
		benchmarks/bench_staging.py \
		benchmarks/bench_resume.py benchmarks/bench_eta.py benchmarks/record_traces.py
	@$(RAY_PYTHON) -m mypy include/llmbatch/core include/llmbatch/s3 include/llmbatch/cluster tests/tiny_model.py benchmarks/resume/commit_cost.py \
		benchmarks/resume/list_committed.py

arch: install ## import contracts: the rooms and the only allowed arrows
	@PYTHONPATH=include:deploy/embedded $(dir $(RAY_PYTHON))lint-imports --no-cache

bench-engine: install ## this pipeline against bare vLLM, ray.data.llm and vllm run-batch
	@PYTHONPATH=include:deploy/embedded $(AIRFLOW_PYTHON) benchmarks/bench_engine.py

bench-stack: install ## what the idle stack takes from an engine on the same machine
	@PYTHONPATH=include:deploy/embedded $(AIRFLOW_PYTHON) benchmarks/bench_stack.py

bench-staging: install ## rows per second and memory of staging
	@PYTHONPATH=include:deploy/embedded $(AIRFLOW_PYTHON) benchmarks/bench_staging.py

bench-resume: install ## what commits and heartbeats cost, and how quickly a job goes on after a crash
	@PYTHONPATH=include:deploy/embedded:tests $(AIRFLOW_PYTHON) benchmarks/bench_resume.py

chaos: install ## break everything at every moment of a job (LLMBATCH_CHAOS=short|echo|vllm|all), about an hour
	@PYTHONPATH=include:deploy/embedded:tests $(AIRFLOW_PYTHON) -m chaos

bench-eta: install ## how right ETAs are: simulated jobs, rivals and ours, held-out workloads
	@PYTHONPATH=include:benchmarks $(AIRFLOW_PYTHON) benchmarks/bench_eta.py
