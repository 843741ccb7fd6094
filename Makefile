# The commands of this repository. They need Python 3.11 or later and make; everything else is installed into .venv.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --retries 5 --require-hashes --no-deps
ONCE ?=
PARTS ?=

.PHONY: help demo test search test-slow test-browser test-portal test-paperwork test-telephony test-isolation check bench lock docs clean install install-dev

help:
	@echo "make demo        start everything and place one real call (ONCE=1: end by itself)"
	@echo "make test        the tests, but for those of isolation between tenants"
	@echo "make search      properties, on examples that are new each time"
	@echo "make check       format, lint, types, import rules, generated files"
	@echo "make test-slow   minutes: real time, soak, recognition accuracy"
	@echo "make test-browser  headless Chromium"
	@echo "make test-portal  the portal's pages, then in headless Chromium with figures; screenshots in build/portal"
	@echo "make test-paperwork  business systems: adapters, connections, what a call leaves in them, with figures"
	@echo "make test-telephony  SIP, WebRTC, carriers, transfers, calls out: with independent peers and figures"
	@echo "make test-isolation  no tenant sees another's: every route, the database's roles, a fuzz of the API; with counts"
	@echo "make bench       figures with their conditions (PARTS=vendors: only the speed with vendors' doubles)"
	@echo "make docs        generate what is generated"
	@echo "make lock        resolve the lock files anew"

# -- installation -------------------------------------------------------------------------------------------------------

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "offhook needs Python 3.11 or later; install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.stamp-run: requirements.lock models.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing offhook and what it needs (about 150 MB to download the first time)"
	@$(PIP) -r requirements.lock
	@$(PIP) -r models.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.stamp-dev: requirements-dev.lock $(VENV)/.stamp-run
	@echo "installing the tools of development"
	@$(PIP) -r requirements-dev.lock
	@touch $@

install: $(VENV)/.stamp-run
install-dev: $(VENV)/.stamp-dev

# -- what it is for -----------------------------------------------------------------------------------------------------

demo: install
	@$(BIN)/offhook demo $(if $(ONCE),--once)

bench: install-dev
	@$(BIN)/offhook bench $(PARTS)

# -- tests and checks ---------------------------------------------------------------------------------------------------

# Between tenants: test-isolation. The portal's pages: test-portal. In the order of the folders: by default files of few tests would come last,
# and those are the long ones.
test: install-dev
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/isolation

# Properties on examples that no run had before; a failure is kept in .hypothesis and comes again until it is mended.
search: install-dev
	@OFFHOOK_EXAMPLES=search $(BIN)/python -m pytest -q -n 2 $$(grep -rl "^from hypothesis import" tests/property tests/unit)

# In real time one at a time: a call needs its part of the machine.
test-slow: install-dev
	@failed=0; \
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "slow and not realtime" --timeout 900 --ignore tests/isolation || failed=1; \
	$(BIN)/python -m pytest -q -m realtime --timeout 900 --ignore tests/isolation || failed=1; \
	exit $$failed

test-browser: install-dev
	@$(BIN)/python -m pytest -q -m browser --timeout 300

test-portal: install-dev
	@rm -rf build/portal
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m portal --timeout 300 tests/e2e
	@cat build/portal/figures.txt

# A server to sign in to, for the tests of OAuth; without npm they are skipped.
OAUTH := build/oauth/node_modules/oauth2-mock-server/package.json
$(OAUTH):
	@npm install --silent --no-audit --no-fund --no-package-lock --prefix build/oauth oauth2-mock-server@9.3.0 \
		|| echo "oauth2-mock-server could not be installed: its tests are skipped"

test-paperwork: install-dev $(OAUTH)
	@rm -rf build/paperwork
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m paperwork --timeout 300 tests
	@$(BIN)/python tests/figures.py paperwork

# Independent SIP peers; where they cannot be installed, the tests that need them say that they are skipped.
test-telephony: install-dev
	@rm -rf build/telephony
	@$(BIN)/python scripts/peers.py
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m telephony --timeout 300 tests
	@$(BIN)/python tests/figures.py telephony

# On the embedded Postgres, then on a server reached by TCP with a password: OFFHOOK_TEST_DATABASE_URL's, else one that is made for it.
test-isolation: install-dev
	@env -u OFFHOOK_TEST_DATABASE_URL $(BIN)/python -m pytest -q -s -m "slow or not slow" --timeout 900 tests/isolation
	@$(if $(OFFHOOK_TEST_DATABASE_URL),,$(BIN)/python scripts/postgres.py) $(BIN)/python -m pytest -q -s tests/isolation || \
		{ [ $$? = 69 ] && echo "isolation on a Postgres server: skipped"; }

check: install-dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python scripts/lints.py
	@$(BIN)/python scripts/diagrams.py --check
	@$(BIN)/python scripts/openapi.py --check
	@$(BIN)/python scripts/client.py --check
	@$(BIN)/python scripts/commands.py --check
	@$(BIN)/python scripts/permissions.py --check
	@$(BIN)/python scripts/vendor_assets.py --check
	@$(BIN)/python scripts/baml.py --check

docs: install-dev
	@$(BIN)/python scripts/diagrams.py
	@$(BIN)/python scripts/openapi.py
	@$(BIN)/python scripts/client.py
	@$(BIN)/python scripts/commands.py
	@$(BIN)/python scripts/permissions.py
	@$(BIN)/python scripts/baml.py

# Lock files name no index. uv comes from PATH, or for the moment into a folder of its own.
lock:
	@command -v uv >/dev/null 2>&1 || { $(PYTHON) -m venv build/uv && build/uv/bin/pip install --quiet uv; }
	@export PATH="$$PATH:$(CURDIR)/build/uv/bin"; c="uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11"; \
		$$c pyproject.toml --group build -o requirements.lock && \
		$$c pyproject.toml --group build --group dev -o requirements-dev.lock && \
		$$c models.in --no-deps -o models.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
