# Each command sets up what it needs: a machine with Python 3.10 or newer and make is enough.
PYTHON ?= python3
RUN := .venv/bin/python
# Of the command line alone: the environment may mean something else by these names.
PORT :=
LOG :=
EVENT :=
BENCH ?= attack redelivery faults hostile soak pacing cold_start
TELL_RUNTIME := 'import sys; print("python%d.%d" % sys.version_info[:2])'
UNPACKED := $(CURDIR)/layers/dist/unpacked
# The locks name all: without --no-deps a newer release than the locked one can stop pip.
INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check --only-binary :all: \
  --require-hashes --no-deps
# What pip says is kept, and is shown where it isn't about the network. Ctrl-C ends make by itself.
define INSTALL_LOCKED
@trap 'exit 0' INT; echo "Installing $(1) into .venv" >&2; \
$(INSTALL) -r $< 2>.venv/pip.log && touch $@ || { \
  if grep -Eq 'Retrying|ConnectionError|Max retries' .venv/pip.log; then \
    echo "The package index can't be reached: connect to the network, or set PIP_INDEX_URL to another" \
      "index, and run the same command again. What pip said is in .venv/pip.log." >&2; \
  else cat .venv/pip.log >&2; fi; exit 1; }
endef

# Another Python that is named takes the place of the one that .venv was made with, if it can.
ifeq ($(origin PYTHON)$(wildcard $(RUN)),command line$(RUN))
  TELL := -c 'import sys, venv, ensurepip; sys.version_info < (3, 10) or print(sys.version)'
  NAMED := $(shell $(PYTHON) $(TELL) 2>/dev/null)
  ifeq ($(NAMED),)
    .PHONY: $(RUN)  # its rule says what is wrong with that Python, and .venv stays
  else ifneq ($(NAMED),$(shell $(RUN) $(TELL) 2>/dev/null))
    $(shell rm -rf .venv)
  endif
endif

SERVERLESS_DEVS := @serverless-devs/s@3.1.10
S := .venv/node/node_modules/.bin/s

.PHONY: run serve event help test coverage test-layers test-deploy check audit lint bench pictures \
  layers release deploy values undeploy recipient token live openapi codes monitoring locales lock clean

run: .venv/run-ready  ## registers a number in the sandbox, over HTTP, and asks for a code directly
	@$(RUN) -m tests.sandbox run

serve: .venv/run-ready  ## keeps the sandbox up, with its console; PORT=8000 says where, LOG=json what it logs
	@env PYTHONPATH=function $(RUN) -m tests.sandbox serve $(PORT:%=--port %) $(LOG:%=--log %)

event: .venv/run-ready  ## sends a recorded event in a sandbox of its own; EVENT=mns_queue says which
	@$(RUN) -m tests.sandbox event $(EVENT)

help:  ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: .venv/test-ready  ## all tests
	@$(RUN) -m pytest

coverage: .venv/test-ready  ## all tests once more, with branch coverage, which takes half as long again
	@$(RUN) -m pytest --cov

test-layers: layers .venv/test-ready  ## the tests with real processes once more, from the built layer
	@rm -rf $(UNPACKED) && $(RUN) -m zipfile -e layers/dist/function.zip $(UNPACKED)/code
	@$(RUN) -m zipfile -e layers/dist/$$($(RUN) -c $(TELL_RUNTIME)).zip $(UNPACKED)/opt
	@CODE_DIRECTORY=$(UNPACKED)/code LAYER_DIRECTORY=$(UNPACKED)/opt/python \
	  $(RUN) -m pytest tests/sandbox_tests/test_platform.py tests/sandbox_tests/test_delivery.py \
	    tests/robustness/test_redelivery.py

test-deploy: layers .venv/test-ready $(S)  ## the whole deployment with the real tools: five minutes
	@SERVERLESS_DEVS=$(CURDIR)/$(S) FC3_COMPONENT=$(FC3_COMPONENT) \
	  $(RUN) -m pytest -m chain tests/deployment

check: lint audit coverage  ## lint, types, vulnerabilities, secrets, and tests with branch coverage

audit: .venv/extras-ready  ## known vulnerabilities (by the network) and secrets
	@$(RUN) -m tests.support.audit

lint: .venv/test-ready  ## style and types
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

bench: .venv/extras-ready  ## the figures in docs/: half an hour; BENCH=attack makes one table of them
	@for each in $(BENCH); do PYTHONPATH=function $(RUN) -m tests.bench.$$each || exit 1; done

pictures: .venv/extras-ready  ## the pictures in docs/, but for the plot, which `make bench` draws
	@$(RUN) -m tests.bench.way
	@PICTURES=docs $(RUN) -m pytest tests/sandbox_tests/test_console.py

layers: .venv/bin/python  ## builds what is deployed into layers/dist/
	@$(RUN) layers/build.py

release: layers  ## the files of a release, in layers/dist/release/; VERSION names them
	@$(RUN) layers/build.py release $(VERSION)

deploy: layers .venv/run-ready  ## deploys with s and aliyun, and goes on where it stopped; ONLY=http or events
	@$(RUN) deploy.py deploy $(ONLY)

values: .venv/run-ready  ## makes .env and the key pair, and deploys nothing
	@$(RUN) deploy.py values

undeploy: .venv/run-ready  ## takes away what `make deploy` made
	@YES=$(YES) $(RUN) deploy.py undeploy

recipient: .venv/bin/python  ## lets a stack's alarms be sent to EMAIL
	@$(RUN) deploy.py recipient $(EMAIL)

token: .venv/run-ready  ## a token for one hour; CALLER says for whom
	@$(RUN) deploy.py token $(CALLER)

live: .venv/bin/python  ## asks a deployed function; URL, TOKEN and NUMBER say which
	@$(RUN) -m tests.live

openapi: .venv/test-ready  ## writes docs/openapi.json anew from the models
	@PYTHONPATH=function $(RUN) -m tests.support.openapi > docs/openapi.json

monitoring: .venv/test-ready  ## writes template.yml's part anew from docs/monitoring.json
	@$(RUN) -m tests.support.monitoring

codes: .venv/test-ready  ## writes the tables of codes and costs into docs/
	@PYTHONPATH=function $(RUN) -m tests.support.tables

locales: .venv/test-ready  ## writes function/verify_code/locale_table.py anew from CLDR
	@PYTHONPATH=function $(RUN) -m tests.support.locale_table

lock: .venv/test-ready  ## compiles the requirements anew
	@$(RUN) -m pip install --quiet --disable-pip-version-check uv
	@for part in layers tests tests/extras tests/bench/handlers tests/bench/handlers/named; do \
	  $(RUN) -m uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	    --no-emit-index-url --only-binary :all: --custom-compile-command 'make lock' \
	    --constraint layers/requirements.txt $(UPGRADE) \
	    $$part/requirements.in --output-file $$part/requirements.txt || exit 1; \
	done

clean:  ## takes away .venv, and what was built
	@find . -name __pycache__ -not -path "./.venv/*" -prune -exec rm -rf {} +
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage layers/dist layers/wheels

.venv/run-ready: layers/requirements.txt | .venv/bin/python
	$(call INSTALL_LOCKED,what the function needs)

.venv/test-ready: tests/requirements.txt | .venv/bin/python
	$(call INSTALL_LOCKED,what the tests need)
	@touch $@ .venv/run-ready

.venv/extras-ready: tests/extras/requirements.txt | .venv/bin/python
	$(call INSTALL_LOCKED,what some tests and the bench need)
	@touch $@ .venv/test-ready .venv/run-ready

$(S): | .venv/bin/python
	@command -v npm >/dev/null || { echo "npm is not here: install Node.js 18 or newer" >&2; exit 1; }
	@echo "Installing Serverless Devs into .venv" >&2
	@npm install --silent --no-audit --no-fund --prefix .venv/node $(SERVERLESS_DEVS)

.PRECIOUS: .venv/bin/python  # its rule takes an unfinished .venv away
.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "No $(PYTHON) here: install Python 3.10 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c '' 2>/dev/null || { \
	  echo "$(PYTHON) can't be run: name another Python, such as make PYTHON=/usr/bin/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) is older than Python 3.10: name a newer one, such as make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) lacks the module venv: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@trap 'rm -rf .venv; exit 0' INT; \
	said=$$($(PYTHON) -m venv .venv 2>&1) || { echo "$$said" >&2; rm -rf .venv; exit 1; }
