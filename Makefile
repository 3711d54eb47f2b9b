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
PYTEST := $(BIN)/pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS) $(TESTS)
BUILD_REQUIRES := import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

BENCH_ARGS ?= --write

MUTANTS ?= 300
MUTANTS_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-compiled test-interpreted bench zoo mutants clean

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
test-compiled: .venv/installed ## the suite, compiled
	env -u RANGELAND_INTERPRETED -u RANGELAND_REQUIRE_COMPILED RANGELAND_EXPECT=compiled $(PYTEST)

test-interpreted: .venv/installed ## the suite, interpreted
	env -u RANGELAND_REQUIRE_COMPILED RANGELAND_INTERPRETED=1 RANGELAND_EXPECT=interpreted $(PYTEST)

bench: .venv/installed ## the pools beside libc, in one run; the figures stay in benchmarks/
	cd benchmarks && env -u RANGELAND_INTERPRETED ../$(BIN)/python run.py $(BENCH_ARGS)

zoo: .venv/installed ## show the kit every mistake of the zoo, and keep the table of what it found
	$(BIN)/python tests/zoo/keeper.py --write

mutants: .venv/installed ## make mistakes by machine, MUTANTS at random, and tell what nobody notices
	$(BIN)/python tests/mutants/survey.py --sample $(MUTANTS) $(MUTANTS_ARGS)

clean: ## remove everything that the other targets made
	rm -rf .venv build dist rangeland.egg-info .hypothesis .pytest_cache
	find vm land pools arena rangeland tests \( -name '*.so' -o -name '*.c' \) -type f -delete
	find vm land pools arena rangeland tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -c '$(BUILD_REQUIRES)' > .venv/build-requires.txt
	$(BIN)/python -m pip install --quiet -r .venv/build-requires.txt
	@touch $@

# Not editable: the suite shall run what is installed (design/speed.md#.sol.proof).
# The same installation serves both speeds, so it is always compiled if it can be.
.venv/installed: .venv/ready $(SOURCES)
	env -u RANGELAND_INTERPRETED RANGELAND_BUILD=build \
		$(BIN)/python -m pip install --quiet --no-build-isolation '.[test]'
	@$(BIN)/rangeland --version
	@touch $@
