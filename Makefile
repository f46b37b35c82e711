# Needs python3 (3.11 to 3.13) with its venv module, and make; everything else comes with pip, by hash.
# Choose the interpreter with PYTHON=python3.12, the port with RAPPORT_PORT=9000.

PYTHON ?=
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input install
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

# Tests go in three parts side by side, each with servers of its own: one process would leave a core idle. Those that
# count the seconds of a recovery go alone.
PART_1 := $(addprefix tests/,analytics db domain embedded house jobs)
PART_2 := $(addprefix tests/,api cli fuzz sample usecases)
ALONE := tests/crashes
PART_3 = $(filter-out $(PART_1) $(PART_2) $(ALONE) tests/__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))

.DEFAULT_GOAL := help
.PHONY: help up test openapi bench fuzz soak imports lock clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16

up: .venv/.runtime ## Start everything on this machine: PostgreSQL, Redis, the API and the worker
	@$(PY) -m app.cli up

# Dozens of processes are started, which would each compile all of the code again.
test: export PYTHONDONTWRITEBYTECODE :=
test: .venv/.dev ## Check style, types and floors, and run every test
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	@$(MAKE) --no-print-directory --keep-going --jobs 3 part_1 part_2 part_3
	$(PY) -m pytest $(ALONE)

# What a part prints is kept until its end, so that they do not mix.
part_%:
	@told=$$(mktemp); $(PY) -m pytest $(PART_$*) >$$told 2>&1; ended=$$?; cat $$told; rm $$told; exit $$ended

openapi: .venv/.dev ## Write openapi/openapi.json and openapi/problems.md from the code
	@$(PY) -m tests.house.snapshot

bench: .venv/.dev ## Measure against limits taken in the same run
	@for file in $$(grep -l '__main__' bench/*.py); do \
		module=bench.$$(basename "$$file" .py); echo "== $$module"; $(PY) -m "$$module" || exit 1; done

fuzz: .venv/.dev ## Throw generated requests at the API
	@$(PY) -m tests.fuzz

soak: .venv/.dev ## Kill everything in the middle of writes for MINUTES=10, and count what was acknowledged
	@$(PY) -m tests.crashes --minutes $(or $(MINUTES),10)

imports: .venv/.dev ## Import ROWS=100000, edit some by hand, undo it, and compare every record
	@$(PY) -m tests.sizes --rows $(or $(ROWS),100000)

lock: ## Pin the newest versions that fit together, with hashes (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	$(LOCK) --upgrade --output-file requirements/runtime.txt pyproject.toml
	$(LOCK) --upgrade --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt pyproject.toml

clean: ## Remove the environment and the caches, never the data
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than what it was made from, so a second run installs nothing. An interrupted first run may have left
# no pip. The project itself has no hash; its build tool is in the list, so the last step fetches nothing.
.venv/.runtime .venv/.dev: .venv/.%: requirements/%.txt pyproject.toml $(PY)
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip --upgrade
	$(PIP) --require-hashes -r requirements/$*.txt
	$(PIP) --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Missing too when its interpreter has been removed or upgraded: then the link dangles, and all is made anew.
$(PY):
	@fits() { command -v "$$1" >/dev/null 2>&1 && \
		"$$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }; \
	for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do fits $$python && break; done; \
	if ! fits $$python; then \
		wanted=$(or $(PYTHON),python3); \
		if found=$$($$wanted --version 2>/dev/null); then echo "$$wanted is $$found."; else echo "There is no $$wanted on this machine."; fi; \
		echo "Rapport needs Python 3.11, 3.12 or 3.13: install one and name it, for example: make up PYTHON=python3.12"; \
		exit 1; \
	fi; \
	if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "$$python has no venv module: install it (Debian and Ubuntu: apt install python3-venv) and try again."; \
		exit 1; \
	fi; \
	echo "Making .venv with $$($$python --version)"; \
	$$python -m venv --clear .venv
