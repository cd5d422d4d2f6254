# Two commands do everything on a fresh clone: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
# More than cores: half of the time a test waits for a stream.
PYTEST_ARGS ?= -n 4 --dist worksteal
SAMPLE ?= 100
SEED ?= 0
# Each worker would compile every module again.
export PYTHONDONTWRITEBYTECODE =

APP := $(VENV)/app
TEST := $(VENV)/test
SOURCES := bci_app offline tests

.PHONY: demo test lint unit docs wheel soak long mutants bench clean

demo: $(APP)/.installed
	$(APP)/bin/bci-app demo

test: lint unit

lint: $(TEST)/.installed
	$(TEST)/bin/ruff check $(SOURCES)
	$(TEST)/bin/ruff format --check $(SOURCES)
	$(TEST)/bin/mypy
	$(TEST)/bin/lint-imports

unit: $(TEST)/.installed
	QT_QPA_PLATFORM=offscreen $(TEST)/bin/python -m pytest $(PYTEST_ARGS)

docs: $(TEST)/.installed
	NO_MKDOCS_2_WARNING=1 $(TEST)/bin/mkdocs build --strict --quiet

# The wheel alone, in an empty environment and from another folder.
wheel: $(TEST)/.installed
	rm -rf build dist $(VENV)/wheel
	$(TEST)/bin/python -m build --wheel --outdir dist
	$(PYTHON) -m venv $(VENV)/wheel
	$(VENV)/wheel/bin/python -m pip install --quiet --constraint $(CONSTRAINTS) dist/*.whl
	cd / && $(abspath $(VENV))/wheel/bin/bci-app check mental-load
	cd / && $(abspath $(VENV))/wheel/bin/bci-app demo --headless --seconds 20

soak: $(TEST)/.installed
	QT_QPA_PLATFORM=offscreen $(TEST)/bin/python -m pytest -m soak --timeout=3600 $(PYTEST_ARGS)

# How many small changes of the core its tests notice; of cosmic-ray, its operators alone.
mutants: $(TEST)/.installed
	$(TEST)/bin/python -m pip install --quiet --no-deps cosmic-ray==8.7.0 parso==0.8.7 stevedore==5.10.0
	$(TEST)/bin/python -m tests.mutation --sample $(SAMPLE) --seed $(SEED) $(if $(MODULES),--modules $(MODULES))

# Tests that take minutes of a clock each.
long: $(TEST)/.installed
	QT_QPA_PLATFORM=offscreen $(TEST)/bin/python -m pytest -m long --timeout=1200 $(PYTEST_ARGS)

bench: $(APP)/.installed
	$(APP)/bin/bci-app bench

clean:
	rm -rf $(VENV) site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(APP)/.installed: pyproject.toml $(CONSTRAINTS)
	$(call environment,$(APP))
	$(APP)/bin/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable .
	touch $@

$(TEST)/.installed: pyproject.toml $(CONSTRAINTS)
	$(call environment,$(TEST))
	$(TEST)/bin/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[offline,baselines,test,docs]'
	touch $@

define environment
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"bci-app needs Python 3.11 or newer, found {sys.version.split()[0]}. Name another one: make PYTHON=python3.12")'
	@echo "Installing into $(1) (once; a few minutes)"
	$(PYTHON) -m venv $(1)
endef
