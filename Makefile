# One-liners. What they do is in lab/; `make help` lists them.
STACK  ?= dev
PYTHON ?= python3
LAB     = .venv/bin/python -m lab
export STACK
# A venv whose interpreter is gone, or is another Python since an upgrade and finds no packages, is made again.
GONE    = $(shell .venv/bin/python -c 'import pip' >/dev/null 2>&1 || echo FORCE)

yes     = $(filter 1 y yes true,$(1))

.DEFAULT_GOAL := help
.PHONY: help up test check preview preflight diagnose refresh status logs down set kubeconfig outputs env bench test-clouds test-all clean FORCE

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r n t; do printf '  make %-11s %s\n' "$$n" "$$t"; done

up: .venv/.stamp  ## set everything up and deploy the program (STACK=dev by default)
	@$(LAB) up --stack "$$STACK"

test: .venv/.stamp-dev  ## all bounded tests that this machine can run, with the reason for each skip
	@timeout --foreground --signal=INT --kill-after=120 3600 .venv/bin/python -m pytest -n 3 --dist loadfile $(wildcard tests/unit tests/api tests/node)

check: .venv/.stamp-dev  ## format, lint, strict types, import contracts
	@.venv/bin/python -m ruff format --check . && .venv/bin/python -m ruff check . && .venv/bin/python -m mypy && .venv/bin/lint-imports

preview: .venv/.stamp  ## what `make up` would change
	@$(LAB) preview --stack "$$STACK"

preflight: .venv/.stamp  ## what the stack's cluster can do of what the program uses (JSON=1 for programs); fails when something says no
	@.venv/bin/python -m program preflight --stack "$$STACK" $(if $(call yes,$(JSON)),--json)

diagnose: .venv/.stamp  ## what is wrong with what the stack runs, and what to do (JSON=1 for programs); fails when something is
	@.venv/bin/python -m program diagnose --stack "$$STACK" $(if $(call yes,$(JSON)),--json)

refresh: .venv/.stamp  ## bring the stack's state in line with what is in the cluster
	@$(LAB) refresh --stack "$$STACK"

status: .venv/.stamp  ## what runs and how to reach it
	@$(LAB) status --stack "$$STACK"

logs: .venv/.stamp  ## the last lines of every container (FOLLOW=1 goes on until Ctrl-C)
	@$(LAB) logs --stack "$$STACK" $(if $(call yes,$(FOLLOW)),--follow)

down: .venv/.stamp  ## remove the stack, and its cluster if `make up` made it (YES=1 answers the question)
	@$(LAB) down --stack "$$STACK" $(if $(call yes,$(YES)),--yes)

set: .venv/.stamp  ## change the stack's config: make set KEY=inplaceCpu VALUE=200m
	@$(LAB) set --stack "$$STACK" -- "$$KEY" $(if $(filter undefined,$(origin VALUE)),,"$$VALUE")

kubeconfig: .venv/.stamp  ## path of the kubeconfig in use: export KUBECONFIG=$(make -s kubeconfig)
	@$(LAB) kubeconfig --stack "$$STACK"

outputs: .venv/.stamp  ## the stack's outputs, as JSON
	@$(LAB) outputs --stack "$$STACK"

env: .venv/.stamp  ## lines for a shell, after which a plain `pulumi` works on the stack: eval "$(make -s env)"
	@$(LAB) env --stack "$$STACK"

bench: .venv/.stamp-dev  ## the benchmarks: two things in one run, and their ratio
	@.venv/bin/python -m benchmarks

test-clouds: .venv/.stamp-clouds  ## the cluster programs for EKS, AKS and GKE under mocks (installs the clouds' SDKs, about 1 GB)
	@.venv/bin/python -m pytest tests/unit/examples

test-all: export LAB_TEST_ALL = 1
test-all: test-clouds test bench  ## test with every kill of the kill loops, on every Kubernetes minor, and the benchmarks
	@LAB_TEST_MINOR=1.37 .venv/bin/python -m pytest tests/api tests/node

clean: $(if $(call yes,$(CACHE))$(wildcard .lab/*/record.json),.venv/.stamp)  ## remove what was made in this folder (CACHE=1: the build cache too)
	@if [ -x .venv/bin/python ]; then $(LAB) clean $(if $(call yes,$(CACHE)),--cache); fi
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/.stamp: requirements.txt lab/bootstrap.py $(GONE)
	@$(PYTHON) lab/bootstrap.py requirements.txt $@

.venv/.stamp-clouds: .venv/.stamp-dev $(wildcard examples/*-cluster-*/requirements.txt)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check $(foreach file,$(wildcard examples/*-cluster-*/requirements.txt),-r $(file)) && touch $@

.venv/.stamp-dev: requirements-dev.txt requirements.txt lab/bootstrap.py $(GONE)
	@$(PYTHON) lab/bootstrap.py requirements-dev.txt $@
