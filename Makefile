# Two commands do everything: `make run` and `make test`. The others are their parts.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-slow fast fuzz demo check pictures format install bench-install clean

run: $(VENV)/ready ## install, then serve the app on http://127.0.0.1:7860
	$(BIN)/python app.py

test: install ## the whole test suite: unit, integration, browser
	.ci/browser $(BIN)
	$(BIN)/python -m pytest -m "not browser and not long" --numprocesses auto --maxprocesses 4 --dist loadfile
	$(BIN)/python -m pytest -m browser

test-slow: install ## what takes many minutes: twenty kills of a run, each resumed
	$(BIN)/python -m pytest -m long

demo: $(VENV)/ready ## walk the road on the sample, without a page
	$(BIN)/python -m chatui demo --workspace workspace-demo

check: install ## formatting, lint, types, imports and the shape of the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_shape.py -q

fast: install ## the tests that take no browser and train nothing
	$(BIN)/python -m pytest -m "not slow and not browser and not long"

fuzz: install ## ten minutes of files that may be too strange for a reader
	nice -n 19 $(BIN)/python -m tests.data.fuzz_readers 600

pictures: install ## the README's pictures, from the browser test
	$(BIN)/python -m pytest tests/browser -k newcomer --pictures docs/images

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(VENV)/ready-dev ## requirements and requirements-dev into .venv

bench-install: install ## adds what the benchmarks compare with
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt

$(VENV)/ready: requirements.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean: ## remove what was installed and made; the workspace stays
	rm -rf $(VENV) workspace-demo
