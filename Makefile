# Verbs of this checkout. `make` alone lists them.
PYTHON ?= python3
AIRFLOW_PYTHON := .llmbatch/venvs/airflow/bin/python
STACK := PYTHONPATH=deploy/embedded:include $(AIRFLOW_PYTHON) -m llmbatch_stack

.DEFAULT_GOAL := help
.PHONY: help install up down status demo locks check-locks test lint types arch rules bench-engine

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: ## make both virtual environments and the bundled model under .llmbatch/
	@PYTHONPATH=deploy/embedded $(PYTHON) -m llmbatch_stack.install

up: install ## start S3, Postgres, Ray and Airflow in the background
	@$(STACK) up

down: ## stop all of it and leave nothing behind
	@if [ -x $(AIRFLOW_PYTHON) ]; then $(STACK) down; fi

status: ## ask every component whether it is healthy
	@$(STACK) status

demo: up ## run a batch with the bundled model and watch its ETA
	@$(STACK) demo

locks: ## compile requirements/*.lock from requirements/*.in
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.locks

check-locks: ## fail if a lock is not what its .in file gives
	@PYTHONPATH=deploy/embedded $(AIRFLOW_PYTHON) -m llmbatch_stack.locks --check

test: install ## run the tests that need no server
	@$(AIRFLOW_PYTHON) -m pytest tests/unit

lint: install ## ruff
	@$(AIRFLOW_PYTHON) -m ruff check .

types: install ## mypy, strict
	@$(AIRFLOW_PYTHON) -m mypy --strict deploy/embedded/llmbatch_stack

arch: ## import contracts (not written yet)
	@echo "arch: not written yet"; exit 1

rules: ## rules of the house (not written yet)
	@echo "rules: not written yet"; exit 1

bench-engine: ## engine benchmark (not written yet)
	@echo "bench-engine: not written yet"; exit 1
