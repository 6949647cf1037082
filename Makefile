# Two commands do everything on a machine that has only Python, git and make, set-up included:
#
#   make demo      run the main job on a sample
#   make test      pass every check and every test
#
# and one makes the pages of docs/ into a site with a menu and a search, in build/site:
#
#   make docs      in an environment of its own, without PyTorch; a broken link or a page without a place is an error
#
# Two more are for releases and for pages:
#
#   make sbom      what the wheel brings, with licences, as a list for machines: build/sbom.cdx.json (CycloneDX)
#   make pictures  which command makes which picture and figure of the pages; ARGS=all makes those that need no data
#
# Variables, each optional:
#   PYTHON=python3.12       which Python makes the environment (3.10 to 3.14; found by itself otherwise)
#   TORCH="torch==2.13.0"   what pip is asked for as PyTorch; on Linux the CPU build is much smaller:
#                           TORCH="torch --index-url https://download.pytorch.org/whl/cpu"
#   ARGS="-k volume"        further arguments for the command behind the target
#   INSTALL=yes             as root on Debian or Ubuntu: install what tests of the panel and of reports need from
#                           the system (Qt's libraries, Chromium); otherwise they say what they lack and skip

PYTHON ?=
TORCH ?= torch
ARGS ?=
INSTALL ?=

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
DOCS := .venv-docs
PIP := $(PY) -m pip --disable-pip-version-check --quiet

.PHONY: help setup demo test lint format pytest screenshots pictures docs sbom clean
.DELETE_ON_ERROR:

help:
	@sed -n '/^#/!q;s/^# \{0,1\}//p' Makefile

setup: $(READY)

# A changed pyproject.toml is the only reason to look at the environment again.
$(READY): pyproject.toml Testing/make_environment.sh
	@PYTHON="$(PYTHON)" sh Testing/make_environment.sh $(VENV)
	@echo "Installing PyTorch and the other packages into $(VENV); the first time takes some minutes."
	@$(PIP) install $(TORCH)
	@$(PIP) install --editable ".[test]"
	@touch $@

demo: $(READY)
	@$(PY) -m LandmarkDetectionLib demo --out demo-output $(ARGS)

test: lint pytest

lint: $(READY)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

pytest: $(READY)
	@$(PY) Testing/system_libraries.py $(if $(filter yes,$(INSTALL)),--install)
	@$(PY) -m pytest $(ARGS)

# The pictures of the panel in docs/slicer/panel.md, made by the tests that open it.
screenshots: $(READY)
	@LANDMARK_DETECTION_SCREENSHOTS=docs/images/slicer $(PY) -m pytest -q \
	    Testing/Python/slicer_module/panel $(ARGS)

docs: $(DOCS)/.ready
	@$(DOCS)/bin/python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env -c docs . build/site $(ARGS)
	@echo "Open build/site/index.html"

pictures: $(READY)
	@$(PY) Testing/make_pictures.py $(ARGS)

# The wheel alone in an environment without pip, so that nothing else is listed.
sbom: $(READY)
	@rm -rf build/clean
	@$(PY) -m venv --without-pip build/clean
	@$(PIP) --python build/clean/bin/python install $(TORCH)
	@$(PIP) --python build/clean/bin/python install .
	@$(PY) Testing/write_sbom.py build/clean/bin/python build/sbom.cdx.json

$(DOCS)/.ready: pyproject.toml Testing/make_environment.sh Testing/install_extra.py
	@PYTHON="$(PYTHON)" sh Testing/make_environment.sh $(DOCS)
	@$(DOCS)/bin/python Testing/install_extra.py docs
	@touch $@

format: $(READY)
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(PY) Testing/update_translations.py
	@$(PY) Testing/update_cmake_lists.py
	@$(PY) Testing/draw_architecture.py
	@$(PY) Testing/write_api_page.py
	@$(PY) Testing/write_landmark_table.py

clean:
	rm -rf $(VENV) $(DOCS) build dist demo-output .mypy_cache .pytest_cache .ruff_cache .hypothesis
