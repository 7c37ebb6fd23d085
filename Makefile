# The development commands; every target creates .venv and installs what is missing or has changed.

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.version_info >= (3, 11) and print(sys.executable)' 2>/dev/null)))
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt

# One thread for linear algebra: seeds and environments run in parallel instead.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

.PHONY: help demo data test lint types worlds gallery bench proofs clean

help:
	@echo "make demo     our PPO against Stable-Baselines3's on two robot tasks; the report is in results/robot"
	@echo "make data     Debian's packages with voices, recordings, drawings and texts, for rl-lab learn, cluster, generate"
	@echo "make test     the tests"
	@echo "make lint     ruff, as linter and as formatter"
	@echo "make types    mypy"
	@echo "make gallery  the figures of the lessons, from real runs"
	@echo "make worlds   a picture of one level of every robot family"
	@echo "make bench    speed beside other packages, as ratios"
	@echo "make proofs   the long runs behind the claims in the README"
	@echo "make clean    delete .venv and build files"

demo: .venv/installed
	$(BIN)/rl-lab compare examples/robot.toml

# Data of the lessons beyond Python packages: see .ci/data.
data: .venv/installed-learn
	@bash .ci/data

# Compiled ahead of the hundreds of processes that tests start: where Python must not write, each would compile it all.
test: .venv/installed-test
	@$(BIN)/python -m compileall -q rl_lab envs agents
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-test
	$(BIN)/mypy

worlds: .venv/installed-test
	$(BIN)/python docs/worlds.py $(ARGS)

gallery: data .venv/installed-test
	$(BIN)/python docs/gallery.py $(ARGS)

bench: .venv/installed-test
	$(BIN)/python -m benchmarks $(ARGS)

proofs: .venv/installed-test
	$(BIN)/python -m benchmarks.proofs $(ARGS)

clean:
	rm -rf .venv build dist src/rl_lab.egg-info .pytest_cache .mypy_cache .ruff_cache

.venv/made:
	@test -n "$(PYTHON)" || { echo "rl-lab needs Python 3.11 or later, and none was found;" \
		"install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rl-lab needs Python 3.11 or later," \
		"and $(PYTHON) is older; name a newer one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv || { echo "$(PYTHON) cannot make a virtual environment;" \
		"on Debian and Ubuntu, install python3-venv" >&2; rm -rf .venv; exit 1; }
	@touch $@

.venv/installed: .venv/made pyproject.toml constraints.txt
	@echo "installing rl-lab into .venv (a few hundred MB, once)"
	@$(PIP) -e .
	@touch $@

.venv/installed-learn: .venv/made pyproject.toml constraints.txt
	@echo "installing what the lessons need into .venv (a few hundred MB, once)"
	@$(PIP) -e '.[learn]'
	@touch $@ .venv/installed

.venv/installed-test: .venv/made pyproject.toml constraints.txt
	@echo "installing rl-lab and what its tests need into .venv (a few hundred MB, once)"
	@$(PIP) -e '.[test,dev]'
	@touch $@ .venv/installed .venv/installed-learn
