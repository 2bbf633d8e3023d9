# SPDX-License-Identifier: Apache-2.0
# `make help` lists what there is to make.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
NATIVE := $(wildcard native/Makefile native/include/*.h native/src/*/*.[ch] native/ffi/*.py)
CRI := agent/stracelet/containers/cri
BENCHMARKS = $(sort $(wildcard benchmarks/[a-z]*.py))
RESULTS := build/benchmarks
KREW := build/krew
KREW_URL ?= https://stracelet.io/releases
HELM ?= helm
VERSION = $(shell sed -nE 's/^__version__ = "(.*)"$$/\1/p' agent/stracelet/__init__.py)
IMAGE ?= stracelet:$(VERSION)
PYTEST = $(BIN)/python -m pytest --durations=25
COMPUTING := tests/agreement tests/unit
# First those that need no image, for somebody may be building it.
WITHOUT_IMAGE := $(patsubst %,tests/cluster/test_%.py,chart_renders relists token_rotation)
# How soon a node's processes are attached to depends on who else computes: tests/cluster/test_nodes.py is alone.
WAITING := tests/client $(WITHOUT_IMAGE) tests/cluster/client \
	$(filter-out tests/cluster/test_nodes.py $(WITHOUT_IMAGE),$(wildcard tests/cluster/test_*.py)) tests/runtimes/test_image.py
C_FILES = $(shell git ls-files 'native/*.[ch]' 'tests/*.[ch]')

.PHONY: help build run test computing waiting check format bench image manifests zipapp krew clean

help: ## say what there is to make
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: $(VENV)/.built ## make .venv/bin/stracelet and .venv/bin/kubectl-strace, with whatever they need

run: build ## trace a demonstration container, or TARGETS="docker/redis", and show its syscalls (needs root)
	@[[ $$EUID == 0 ]] || { echo 'make run traces processes of other users: run it as root (sudo make run)' >&2; exit 4; }
	$(BIN)/stracelet demo $(TARGETS)

test: $(VENV)/.dev $(VENV)/.built ## everything: checks, C for aarch64, the C tests plain and under sanitizers, the Python tests (root: with real tracees)
	@status=0; $(MAKE_COMMAND) --no-print-directory --keep-going --output-sync --jobs 2 computing waiting || status=1; \
	$(MAKE_COMMAND) --no-print-directory -C native test-timed || status=1; \
	$(PYTEST) tests $(patsubst %,--ignore=%,$(COMPUTING) $(WAITING)) || status=1; exit $$status

# Beside one another the tests that compute and those that mostly wait; then alone those that look at the clock.
computing: check
	$(MAKE) -C native tests cross PYTHON=$(abspath $(BIN)/python)
	$(MAKE) -C native test-plain test-sanitized test-fuzzed
	$(PYTEST) $(COMPUTING)

waiting:
	$(PYTEST) $(WAITING)

check: $(VENV)/.dev $(VENV)/.built ## lint, formats, types, layers, generated files in step
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	clang-format --dry-run -Werror $(C_FILES)
	$(BIN)/python native/tools/gen_syscalls.py --check
	$(BIN)/python native/tools/gen_constants.py --check
	$(BIN)/python native/tools/gen_ioctls.py --check
	$(BIN)/python docs/configuration.py | diff -u docs/configuration.md -
	$(BIN)/python tools/chart_readme.py | diff -u charts/stracelet/README.md -
	@set -e; again=$$(mktemp -d); trap 'rm -rf "$$again"' EXIT; cp -r --parents $(CRI) "$$again"; \
	$(BIN)/python "$$again/$(CRI)/generate.py"; diff -ru --exclude=__pycache__ $(CRI) "$$again/$(CRI)"

format: $(VENV)/.dev ## bring Python and C into form
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	clang-format -i $(C_FILES)

bench: $(VENV)/.dev $(VENV)/.built ## measure against strace, into docs/performance.md (needs root; BENCHMARKS="benchmarks/scrape.py": that one)
	PYTHON=$(PYTHON) tools/system bench
	$(MAKE) -C native bench
	@failed=; for each in $(BENCHMARKS); do printf '\n== %s\n' "$$each"; \
	result="$(RESULTS)/$$(basename "$$each" .py).json"; rm -f "$$result"; \
	PYTHONPATH=. $(BIN)/python "$$each" -o "$$result" $(BENCH_ARGS) || failed+=" $$each"; done; \
	$(BIN)/python docs/performance.py $(RESULTS)/*.json || failed+=" docs/performance.md"; \
	[[ ! $$failed ]] || { echo "failed:$$failed" >&2; exit 1; }

image: ## build the container image (IMAGE="registry/stracelet:1"; IMAGE_OPTIONS: further ones of `docker build`)
	docker build --tag $(IMAGE) --build-arg STRACELET_VERSION=$(VERSION) \
	--build-arg STRACELET_COMMIT=$$(git rev-parse --short=12 HEAD) \
	--build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(IMAGE_OPTIONS) .

manifests: $(VENV)/.built ## render charts/stracelet into manifests/, and what is made from its values (HELM="path/helm")
	$(BIN)/python tools/chart_readme.py > charts/stracelet/README.md
	$(BIN)/python tools/dashboards.py
	HELM=$(HELM) tools/manifests > manifests/stracelet.yaml

zipapp: ## make dist/kubectl-strace, the client in one file for any Python from 3.11 on
	rm -rf build/zipapp
	mkdir -p build/zipapp/kubectl_strace dist
	cp client/kubectl_strace/*.py build/zipapp/kubectl_strace
	cp client/kubectl_strace/__main__.py LICENSE build/zipapp
	$(PYTHON) -m compileall -q -b -s build/zipapp --invalidation-mode unchecked-hash build/zipapp
	$(PYTHON) -m zipapp build/zipapp --compress --python '/usr/bin/env python3' --output dist/kubectl-strace
	chmod 755 dist/kubectl-strace

krew: $(KREW)/.made ## make what krew installs on this platform, and its manifest, in dist/ (KREW_URL: where archives will be)
	rm -rf $(KREW)/dist
	$(KREW)/venv/bin/pyinstaller --noconfirm --log-level WARN --onedir --name kubectl-strace --paths client \
		--distpath $(KREW)/dist --workpath $(KREW)/work --specpath $(KREW) client/kubectl_strace/__main__.py
	$(KREW)/venv/bin/python client/krew/pack.py $(KREW)/dist/kubectl-strace --url $(KREW_URL) --output dist

clean: ## remove what was built, .venv included
	$(MAKE) -C native clean
	rm -rf $(VENV) build dist agent/*.egg-info client/*.egg-info agent/stracelet/_bin agent/stracelet/_native*.so
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find agent client tests native -name __pycache__ -type d -exec rm -rf {} +

$(VENV)/.locked: requirements.lock
	PYTHON=$(PYTHON) tools/system build
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --requirement requirements.lock
	touch $@

$(VENV)/.built: $(VENV)/.locked pyproject.toml setup.py client/pyproject.toml $(NATIVE)
	$(PIP) install --no-build-isolation --no-deps --editable . --editable client
	touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/.locked
	PYTHON=$(PYTHON) tools/system test
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	touch $@

$(KREW)/.made: client/krew/requirements.lock
	mkdir -p $(KREW)
	$(PYTHON) -m venv $(KREW)/venv
	$(KREW)/venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement $<
	touch $@
