# Everything that people and CI run. `make serve` and `make test` need Python 3.11+, make and a package index; no more.
#
#   PYTHON=python3.12        another interpreter for the environment
#   TORCH_INDEX=URL          a further package index, asked beside the default one: for CPU wheels of torch
#                            where the default index would bring CUDA
#   ARGS="..."               further arguments: make serve ARGS="--port 9000", make test ARGS="-k normalize"

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := -m pip --disable-pip-version-check
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.DEFAULT_GOAL := help
.PHONY: help serve test check docs bench bench-check replay lock clean
.DELETE_ON_ERROR:

help:  ## show this list
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## /\1\t/' | sort \
	  | while IFS="$$(printf '\t')" read -r name what; do printf '  make %-11s %s\n' "$$name" "$$what"; done

serve: $(READY)  ## set up if needed, then run the service on 127.0.0.1:8080 (SEMCACHE_* from the environment)
	@exec $(BIN)/semcache serve $(ARGS)

# Bytecode is kept whatever the environment says: without it each process, and each service that a test starts, compiles
# all it imports. Each process begins with a half of the suite, so that what a file shares is mostly made once.
test: $(READY)  ## run the whole suite, two processes at a time
	@exec env PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: $(READY)  ## lint, format, types, import rule, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_imports.py tests/test_docs.py tests/test_setup.py

docs: $(READY)  ## write docs/settings.md anew from the settings
	$(BIN)/python docs/generate.py

bench: $(READY)  ## speed beside bare limits and peers, on a quiet machine (ARGS="--quick": minutes; "--full": a million entries)
	@exec $(BIN)/python -m benchmarks.speed $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(ARGS)

bench-check: $(READY)  ## hold instructions a request against the recorded run, on any machine (ARGS="--only exact_lookup": ratios too)
	@exec $(BIN)/python -m benchmarks.speed --no-peers --only work --out .cache/speed-check \
	  --check benchmarks/results/speed.json $(ARGS)

replay: $(READY)  ## hit rate: replay the shared labelled Quora pairs at every threshold (needs ../shared/evaldata)
	@test -d ../shared/evaldata || { echo "make replay: ../shared/evaldata is not there" >&2; exit 1; }
	@exec $(BIN)/python -m benchmarks.hit_rate --data ../shared/evaldata/qqp_pairs.jsonl.gz --out .cache/replay $(ARGS)

lock:  ## resolve pyproject.toml anew and write requirements.lock
	rm -rf .cache/lock
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python $(PIP) install -qq $(INDEX) '$(TORCH)' hatchling -e '.[dev,bench]'
	{ echo "# Exact versions of everything, tests and benchmarks included. Made by 'make lock'; not edited by hand."; \
	  .cache/lock/bin/python $(PIP) freeze --all --exclude pip --exclude-editable | sed -E 's/\+[a-z0-9.]+$$//'; \
	} > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf .cache/lock

clean:  ## remove the environment and caches; data/ and indexes/ stay
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist

# A changed lock installs again; an unchanged one costs nothing. The package itself is linked, nothing else is fetched.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "semcache needs Python 3.11 or newer; '$(PYTHON)' is not. Name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); echo "'$(PYTHON) -m venv' failed; on Debian install python3-venv" >&2; exit 1; }
	@echo "Installing requirements.lock into $(VENV) (a few minutes, once)" >&2
	@$(BIN)/python $(PIP) install $(INDEX) -r requirements.lock
	@$(BIN)/python $(PIP) install -qq --no-deps --no-build-isolation -e .
	@touch $(READY)
