# `make run` and `make test` set up all they need: Python 3.11 or newer, git and make are enough.
# Where: VENV=folder. Which Python: PYTHON=program. What pytest gets: ARGS="-k config".

VENV   ?= .venv
PYTHON ?=
ARGS   ?=
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

BIN := $(VENV)/bin
LAKE := examples/lake

# An install is as new as the content of what it is made from, not as the times of a checkout.
PROJECT_FILES := pyproject.toml setup.cfg
key = $(shell cat $(1) | cksum | cut -d' ' -f1)
RUNTIME   := $(VENV)/.s3-catalog-runtime-$(call key,requirements.lock $(PROJECT_FILES))
DEVELOP   := $(VENV)/.s3-catalog-develop-$(call key,requirements.lock requirements-dev.lock $(PROJECT_FILES))
INGEST    := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/s3-catalog/openmetadata/$(call key,requirements-openmetadata.lock)
LAKE_MADE := .make/lake-$(call key,examples/make_lake.py)

# Dagster reads ./dagster.yaml; an instance that the environment names is somebody's own.
unexport DAGSTER_HOME

.PHONY: help run dev test services ingest-env lint format typecheck check lock lake clean

help:  ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: $(RUNTIME) lake  ## catalog the sample lake through Dagster and print its tables
	@echo "running the Dagster job catalog_bucket"
	@$(BIN)/dagster job execute -m s3_catalog.definitions -j catalog_bucket > .make/run.log 2>&1 \
	  || { tail -n 40 .make/run.log; echo "failed; all of it is in .make/run.log"; exit 1; }
	@$(BIN)/s3-catalog tables

dev: $(RUNTIME) lake  ## open the Dagster UI
	@$(BIN)/dagster dev

test: $(DEVELOP)  ## all tests; those of real servers join in where the servers are installed
	@$(BIN)/python -m pytest -q $(ARGS)

services: $(DEVELOP)  ## the tests of real servers; a missing server is a failure
	@S3_CATALOG_REQUIRE_SERVICES=1 $(BIN)/python -m pytest -q s3_catalog_tests/services $(ARGS)

ingest-env: $(INGEST)/.made  ## the command `metadata ingest`, in an environment of its own

lint: $(DEVELOP)  ## ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(DEVELOP)  ## let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

typecheck: $(DEVELOP)  ## mypy
	@$(BIN)/mypy

check: lint typecheck test  ## all three

COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-strip-extras \
  --no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet --group build
lock: $(BIN)/python  ## lock the newest versions (ARGS="--upgrade"), or what pyproject.toml now asks for
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/$(COMPILE) --extra ui --extra delta $(ARGS) -o requirements.lock
	@$(BIN)/$(COMPILE) --all-extras --group dev -c requirements.lock $(ARGS) -o requirements-dev.lock
	@$(BIN)/$(COMPILE) --no-config --extra openmetadata $(ARGS) -o requirements-openmetadata.lock

lake: $(RUNTIME)
	@if [ ! -d $(LAKE) ] || [ ! -e $(LAKE_MADE) ]; then \
	  rm -rf $(LAKE) .make/lake-* && mkdir -p .make && $(BIN)/python examples/make_lake.py $(LAKE) && touch $(LAKE_MADE); fi

clean:  ## remove what runs and tests have made; the environment stays
	@rm -rf $(LAKE) .make .dagster .s3_catalog build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Python's own search order would stop at a shim that does not work; take the first one that does.
FIND_PYTHON = IFS=:; for version in 3.13 3.12 3.11 3.14 3; do for folder in $$PATH; do \
  "$$folder/python$$version" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  && echo "$$folder/python$$version" && exit; done; done

$(BIN)/python:
	@python="$(PYTHON)"; [ -n "$$python" ] || python=$$($(FIND_PYTHON)); \
	  [ -n "$$python" ] || { echo "no Python 3.11 or newer with the module venv was found (on Debian: apt install python3-venv)"; exit 1; }; \
	  echo "making $(VENV) with $$python" && "$$python" -m venv $(VENV)

# uv installs in seconds; where it cannot (a package index that only pip knows of), pip does. A lock names all there is to install, and for a
# package whose dependencies pyproject.toml overrides (tool.uv) not all that the package itself would ask for: hence --no-deps.
# $(1): the lock file, $(2): the environment
define install_lock
	@echo "installing $(1) into $(2)"
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(BIN)/python -m ensurepip > /dev/null
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv || true
	@VIRTUAL_ENV="$(abspath $(2))" $(BIN)/uv pip install -q --no-deps --require-hashes -r $(1) 2> /dev/null \
	  || $(2)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $(1)
endef

define install
	$(call install_lock,$(1),$(VENV))
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endef

# It holds what the lock names, and not this checkout: whoever runs it says where that is (PYTHONPATH).
$(INGEST)/.made: | $(BIN)/python
	@rm -rf $(INGEST) && $(BIN)/python -m venv $(INGEST)
	$(call install_lock,requirements-openmetadata.lock,$(INGEST))
	@touch $@

$(RUNTIME): | $(BIN)/python
	$(call install,requirements.lock)
	@rm -f $(VENV)/.s3-catalog-runtime-* && touch $@

$(DEVELOP): | $(BIN)/python
	$(call install,requirements-dev.lock)
	@rm -f $(VENV)/.s3-catalog-develop-* && touch $@
