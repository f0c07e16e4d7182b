# Two commands: `make run` and `make test`. `make` alone lists all targets.
.DEFAULT_GOAL := help
.PHONY: help setup run down reset test prove prove-celery bench bench-attribution bench-calibration bench-pipeline env check fix docs new-connector lock clean

BIN := .venv/bin
COMPILE := uv pip compile --python-version 3.11 --universal --no-emit-index-url --no-header --no-annotate -q
SQLFLUFF := $(BIN)/sqlfluff lint --quiet --disable-progress-bar

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Prepare .venv from the locks (PYTHON=/path/to/python to choose one)
	@PYTHON='$(PYTHON)' sh include/tributary/local/bootstrap.sh

run: setup ## Start everything and keep serving until Ctrl-C (ONCE=1: stop after the summary; DATA=dir: your own files)
	@exec $(BIN)/tributary up $(if $(ONCE),--once) $(if $(DATA),--data '$(DATA)')

down: setup ## Stop what `make run` started, wherever it runs
	@$(BIN)/tributary down

reset: setup ## Delete the local installation's data (asks first)
	@$(BIN)/tributary reset

test: setup ## Run the test suite on its own throw-away PostgreSQL (ARGS="..." go to pytest)
	@$(BIN)/python -m pytest $(ARGS)

prove: setup ## Run the long proofs too
	@$(BIN)/python -m pytest -m 'prove or not prove' $(ARGS)

prove-celery: ## docker-compose.yaml without containers: two Celery workers, one killed mid-task, graded
	@TRIBUTARY_VENV=.venv-deploy PYTHON='$(PYTHON)' TRIBUTARY_LOCKS='requirements-deploy.txt requirements-dev.txt requirements-proof.txt' \
		sh include/tributary/local/bootstrap.sh
	@.venv-deploy/bin/python -m pytest -m prove tests/deploy $(ARGS)

bench: setup ## Measure what unchanged data costs, at a million records (half an hour); writes bench/README.md
	@$(BIN)/python -m bench.restate --rebuild $(ARGS)

bench-attribution: setup ## Attribution against other engines to 10 million touches (ten minutes); writes bench/attribution/README.md
	@$(BIN)/python -m bench.attribution $(ARGS)

bench-calibration: setup ## Each model against known incremental effects, and its intervals' coverage (a minute); writes bench/calibration/README.md
	@$(BIN)/python -m bench.calibration $(ARGS)

bench-pipeline: setup ## Attribution of 10 million touches in the warehouse, then of one change each (ten minutes)
	@$(BIN)/python -m bench.pipeline_attribution $(ARGS)

env: ## Write .env with random secrets, for docker compose (never over one that is there)
	@python3 -I include/tributary/local/dotenv.py

check: setup ## Lint, types, import rules, SQL style, generated docs: what CI runs before the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(SQLFLUFF) sql
	$(BIN)/python -m tributary.reports.dictionary --check
	$(BIN)/python -m tributary.warehouse.seal --check

fix: setup ## Let ruff correct what it can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: setup ## Write the generated pages of docs/ again, seal new migrations
	@$(BIN)/python -m tributary.reports.dictionary
	@$(BIN)/python -m tributary.warehouse.seal

new-connector: setup ## Write the stubs of one more vendor API (name=x; feed=ads)
	@$(BIN)/tributary new-connector '$(name)' --feed '$(or $(feed),ads)'

lock: ## Write requirements*.txt again from pyproject.toml (needs uv)
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) --group dev -c requirements.txt -o requirements-dev.txt
	cp requirements.txt requirements-deploy.txt  # what uv finds there it keeps, as far as it can
	$(COMPILE) pyproject.toml --group deploy -o requirements-deploy.txt
	$(COMPILE) --group proof -c requirements-deploy.txt -o requirements-proof.txt

clean: ## Remove .venv and caches; keeps the local installation
	rm -rf .venv .venv-deploy .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build include/*.egg-info
