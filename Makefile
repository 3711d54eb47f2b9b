# Rangeland. `make` alone says what there is.
# PYTHON is the python that makes .venv; JOBS the processes that test at once;
# TESTS what to test; PYTEST_ARGS goes to pytest as it is.

PYTHON ?= python3
JOBS ?= auto
TESTS ?= tests
PYTEST_ARGS ?=

BIN := .venv/bin
SOURCES := setup.py pyproject.toml $(shell find vm land pools arena rangeland -type f \
	! -path '*/__pycache__/*' ! -name '*.so' ! -name '*.c')
PIP := $(BIN)/python -m pip install --quiet
BUILD := env -u RANGELAND_INTERPRETED RANGELAND_BUILD=build PYTHONUNBUFFERED=1 $(BIN)/python
PYTEST := $(BIN)/pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS) $(TESTS)
BUILD_REQUIRES := import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

BENCH_ARGS ?= --write

MUTANTS ?= 300
MUTANTS_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-compiled test-interpreted bench zoo mutants wheel clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/installed ## set up, bootstrap an arena before your eyes, and replay a program's allocations
	$(BIN)/rangeland boot
	$(BIN)/rangeland replay --bundled --pool mvff --pool mvff:spare=0,extend_by=16K --pool bestfit \
		--pool nextfit --pool lifofit --pool buddy --pool segfit --pool slab --pool glibc --pool ideal

# Both, whatever comes of the first.
test: ## set up, and run the whole suite at both speeds
	@failed=0; \
	$(MAKE) test-compiled || failed=1; \
	$(MAKE) test-interpreted || failed=1; \
	exit $$failed

test-compiled: export RANGELAND_REQUIRE_COMPILED = 1
test-compiled: .venv/tested ## the suite, compiled
	env -u RANGELAND_INTERPRETED -u RANGELAND_REQUIRE_COMPILED RANGELAND_EXPECT=compiled $(PYTEST)

test-interpreted: .venv/tested ## the suite, interpreted
	env -u RANGELAND_REQUIRE_COMPILED RANGELAND_INTERPRETED=1 RANGELAND_EXPECT=interpreted $(PYTEST)

bench: .venv/tested ## the pools beside libc, in one run; the figures stay in benchmarks/
	cd benchmarks && env -u RANGELAND_INTERPRETED ../$(BIN)/python run.py $(BENCH_ARGS)

zoo: .venv/tested ## show the kit every mistake of the zoo, and keep the table of what it found
	$(BIN)/python tests/zoo/keeper.py --write

mutants: .venv/tested ## make mistakes by machine, MUTANTS at random, and tell what nobody notices
	$(BIN)/python tests/mutants/survey.py --sample $(MUTANTS) $(MUTANTS_ARGS)

wheel: build/wheel/built ## build a wheel for this machine, and the sources as an archive, in dist/
	mkdir -p dist
	cp build/wheel/*.whl dist/
	$(BUILD) setup.py --quiet sdist

clean: ## remove everything that the other targets made
	rm -rf .venv build dist rangeland.egg-info .hypothesis .pytest_cache
	find vm land pools arena rangeland tests \( -name '*.so' -o -name '*.c' \) -type f -delete
	find vm land pools arena rangeland tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -c '$(BUILD_REQUIRES)' > .venv/build-requires.txt
	$(PIP) --no-compile -r .venv/build-requires.txt
	@touch $@

# The wheel lies alone in its folder, so that what is installed is what was built.
# It is always compiled if it can be: one installation serves both speeds. A line for
# each module that was compiled tells how far it is.
build/wheel/built: .venv/ready $(SOURCES)
	rm -rf build/wheel
	$(BUILD) setup.py --quiet build
	$(BUILD) -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir build/wheel .
	@touch $@

# Not editable: the suite shall run what is installed (design/speed.md#.sol.proof).
.venv/installed: build/wheel/built
	$(PIP) --force-reinstall --no-deps build/wheel/*.whl
	$(PIP) build/wheel/*.whl
	@$(BIN)/rangeland --version
	@touch $@

.venv/tested: .venv/installed
	$(PIP) "$$(echo build/wheel/*.whl)[test]"
	@touch $@
