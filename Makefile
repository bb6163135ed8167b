# Everything that a newcomer, a maintainer and CI run. `make` alone lists it.
# A fresh machine needs python3 (3.11 or newer, with venv and pip) and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UNSLOTH_SET_VENV := .venv-unsloth-set
UNSLOTH_VENV := .venv-unsloth
UNSLOTH := unsloth==2026.10.9 unsloth_zoo==2026.10.9
GPU_VENV := .venv-gpu-check
# Three processes share two cores, as many tests wait; `make test PYTEST_FLAGS=` runs them in one.
PYTEST_FLAGS ?= -n 3 --dist loadgroup

export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint format exact families bench screenshots schema gpu-check \
	test-unsloth-set test-unsloth clean distclean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- the environment ------------------------------------------------------------------------------

# $(call environment,FOLDER,CONSTRAINTS): made when it is not there, installed into otherwise.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'tunedeck needs Python 3.11 or newer. Name one: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'This Python has no venv or pip (on Debian and Ubuntu: apt install python3-venv).' >&2; exit 1; }
	@$(1)/bin/python -c '' 2>/dev/null || { \
		echo 'Making $(1); the first installation takes a few minutes and about 1.6 GB.' >&2; \
		$(PYTHON) -m venv --clear $(1); }
	@$(1)/bin/python -m pip install --constraint $(2) --editable '.[test]'
	@touch $@
endef

venv: $(VENV)/.installed ## make .venv from constraints.txt

$(VENV)/.installed: pyproject.toml constraints.txt
	$(call environment,$(VENV),constraints.txt)

$(UNSLOTH_SET_VENV)/.installed: pyproject.toml tests/constraints-unsloth.txt
	$(call environment,$(UNSLOTH_SET_VENV),tests/constraints-unsloth.txt)

$(UNSLOTH_VENV)/.installed: pyproject.toml tests/constraints-unsloth.txt
	$(call environment,$(UNSLOTH_VENV),tests/constraints-unsloth.txt)

# Without its dependencies: it asks for a release of certifi that does not exist, and for torchvision,
# xformers, diffusers and others that text on a CPU does not need.
$(UNSLOTH_VENV)/.unsloth: $(UNSLOTH_VENV)/.installed Makefile
	@$(UNSLOTH_VENV)/bin/python -m pip install --no-deps $(UNSLOTH)
	@touch $@

# --- for everybody --------------------------------------------------------------------------------

demo: venv ## fine-tune the bundled model here and now
	@$(BIN)/tunedeck demo

test: venv ## the gates: format, lint, types, layers, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -m 'not exact and not families' $(PYTEST_FLAGS)

# --- for maintainers ------------------------------------------------------------------------------

lint: venv ## the gates without the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: venv ## put the code into its format
	$(BIN)/ruff check --fix-only --show-fixes .
	$(BIN)/ruff format .

exact: venv ## the whole matrix of pause, kill and resume against an undisturbed run
	$(BIN)/python -m pytest -m exact $(PYTEST_FLAGS) tests/train

families: venv ## small models of many families, trained and exported
	$(BIN)/python -m pytest -m families tests/train/test_families.py

bench: venv ## the figures of the budgets
	$(BIN)/python tests/bench/run.py

screenshots: venv ## screenshots/ from a real run of the demo
	$(BIN)/python screenshots/make.py

schema: venv ## engine/schema from the installed TRL and PEFT
	$(BIN)/python -m engine.schema

# The Python at hand brings torch for its GPU; nothing is installed and nothing is downloaded.
# tunedeck gives its processes no PYTHONPATH, so an empty environment on top of that Python
# names this checkout, and the folders that the Python at hand imports from, in a .pth file.
gpu-check: ## the tests that need a GPU, offline, in the Python at hand, without .venv
	@$(PYTHON) -m venv --clear --without-pip --system-site-packages $(GPU_VENV)
	@$(PYTHON) -c "$$PTH_OF_THIS_PYTHON" > "$$($(GPU_VENV)/bin/python -c \
		'import sysconfig; print(sysconfig.get_path("purelib"))')/tunedeck-checkout.pth"
	HF_HUB_OFFLINE=1 $(GPU_VENV)/bin/python -m pytest -m gpu -p no:cacheprovider tests/gpu

define PTH_OF_THIS_PYTHON
import os, sys, sysconfig
print(os.getcwd())
stdlib = sysconfig.get_path("stdlib")
for folder in sys.path[1:]:
    if os.path.isdir(folder) and folder not in (stdlib, stdlib + "/lib-dynload"):
        print(f"import site; site.addsitedir({folder!r})")
endef
export PTH_OF_THIS_PYTHON

test-unsloth-set: $(UNSLOTH_SET_VENV)/.installed ## the training tests with the versions that unsloth wants
	$(UNSLOTH_SET_VENV)/bin/python -m pytest -m 'not exact and not families' $(PYTEST_FLAGS) tests/train

test-unsloth: $(UNSLOTH_VENV)/.unsloth ## the backend unsloth, in an environment of its own
	$(UNSLOTH_VENV)/bin/python -m pytest tests/unsloth

clean: ## remove caches and build outputs
	rm -rf dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -f snapshot_report.html
	find engine tui tests screenshots -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environments too
	rm -rf $(VENV) $(UNSLOTH_SET_VENV) $(UNSLOTH_VENV) $(GPU_VENV)
