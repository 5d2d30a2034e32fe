# make test    every test that needs no container, and the lints
# make lint-templates   templates, workflows and action.yml: held against the tools of others, and run
# make browser the report, the summary, the comment and the terminal in Chromium; make test leaves it out where there is no Chromium
#              to be had
# make sheets  takes what Chromium shows now as the right pictures, which make browser compares
# make soak    the binary killed at every step by every signal, and SOAK_RUNS (500) times at random moments; the figures;
#              then the whole fault matrix, and SOAK_RUNS (5000) random combinations; then the laws of the library and of
#              the lifecycle, each with PROPTEST_CASES (20000) random cases
# make e2e     the container image, as CI systems run it; needs a Docker engine, or root on Debian to start one
# make network runs over a network that is slow, loses packets and breaks; needs root, and says so where there is none
# make fuzz    mutates what comes from outside for FUZZ_SECONDS (600) for each target, all at once
# make release-rehearsal   a release's archive for this machine: packed, checked, unpacked, and its binary run, nothing published
# make lint    formatting, clippy, dependencies, prose
# make prose   the pages by a linter of prose, and the length of their sentences
# make audit   known vulnerabilities of dependencies (fetches RustSec's database)
# make bench   the figures, beside those of a peer
# make pictures   takes the pictures of the README and the docs, in Chromium
# make docs-site  the docs as a site with search, in target/site; every link is followed
# make docs    writes what is generated from the inputs, the keys of suites and the requests to AWS

TOOLS := $(CURDIR)/.tools
PYTHON := $(TOOLS)/venv/bin/python
PACKAGES := $(TOOLS)/venv/packages
NODE := $(TOOLS)/node
SHAPES := $(NODE)/shapes
BROWSER := $(TOOLS)/browser
PROMETHEUS := $(TOOLS)/prometheus
BUILD = cargo build --locked
# What needs it is left out where it cannot be had.
FAKETIME = LIBFAKETIME=$$(tests/soak/faketime.sh $(TOOLS)/faketime) || true; export LIBFAKETIME
LINTERS := $(TOOLS)/lint
TEMPLATE_PYTHON := $(TOOLS)/templates/bin/python
TEMPLATE_TOOLS := $(TOOLS)/ci
MANIFEST_TOOLS := $(TOOLS)/manifests
PROSE := $(TOOLS)/prose
SITE_TOOLS := $(TOOLS)/site
COMPONENT := ci-templates/gitlab/templates/chaos/template.yml
WORKFLOW := ci-templates/github/reusable.yml
# Most tests wait more than they compute.
PYTEST_WORKERS ?= 4
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(TOOLS)/bin/cargo-deny

.PHONY: test e2e soak network fuzz lint prose lint-templates audit bench docs docs-site pictures rust-test python-test browser sheets browser-if-any release-rehearsal

test: lint docs-site rust-test python-test lint-templates browser-if-any

# As in PYTEST_WORKERS. Random cases are the same in each run, so that a failure is of the change at
# hand; make soak draws others.
rust-test: export RUST_TEST_THREADS ?= 8
rust-test: export PROPTEST_RNG_SEED ?= 1
rust-test: export SOAK_SEED ?= 1
rust-test:
	$(FAKETIME); cargo test --locked

# One test at a time: others would be in the figures.
soak:
	cargo test --locked --test soak -- --ignored --nocapture --test-threads 1
	SOAK_RUNS=$${SOAK_RUNS:-5000} cargo test --locked --test faults
	PROPTEST_MAX_GLOBAL_REJECTS=10000000 PROPTEST_CASES=$${PROPTEST_CASES:-20000} cargo test --locked --lib --test fast

python-test: $(PACKAGES) $(SHAPES)
	$(BUILD)
	PROMETHEUS=$$(tests/python/prometheus.sh $(PROMETHEUS)) || true; export PROMETHEUS; \
		FAULTGATE_BIN=$(CURDIR)/target/debug/faultgate PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -q -n $(PYTEST_WORKERS) -p no:cacheprovider tests/python

browser: $(BROWSER)/node_modules
	$(BUILD)
	CHROMIUM=$$(tests/browser/chromium.sh) && export CHROMIUM && \
		FAULTGATE_BIN=$(CURDIR)/target/debug/faultgate BROWSER_TOOLS=$(BROWSER) node --test tests/browser/*.test.mjs

sheets: export UPDATE_SHEETS = 1
sheets: browser

pictures: $(BROWSER)/node_modules
	$(BUILD)
	CHROMIUM=$$(tests/browser/chromium.sh) && export CHROMIUM && \
		FAULTGATE_BIN=$(CURDIR)/target/debug/faultgate BROWSER_TOOLS=$(BROWSER) node tests/browser/pictures.mjs docs/pictures

browser-if-any:
	@if tests/browser/chromium.sh > /dev/null; then $(MAKE) --no-print-directory browser; fi

e2e: $(PACKAGES) $(TEMPLATE_TOOLS)/node_modules
	RSYNC=$$(tests/templates/rsync.sh $(TOOLS)/rsync) && export PATH="$$RSYNC:$$PATH" TEMPLATE_TOOLS=$(TEMPLATE_TOOLS) && \
		PYTHON=$(PYTHON) tests/e2e/run.sh

network: $(PACKAGES)
	$(BUILD)
	FAULTGATE_BIN=$(CURDIR)/target/debug/faultgate PYTHON=$(PYTHON) tests/network/run.sh

# The tests' binary, without what debuggers read. make e2e does the same with that of the image, where nothing else is.
release-rehearsal:
	$(BUILD)
	mkdir -p target/rehearsed
	strip -o target/rehearsed/faultgate target/debug/faultgate
	.github/release/rehearse.sh target/rehearsed/faultgate "$$(rustc --print host-tuple)" target/rehearsed

FUZZ_SECONDS ?= 600
# No input may take more memory than a small runner has.
fuzz:
	cargo test --locked --test fuzz --no-run
	ulimit -v 8000000; FUZZ_SECONDS=$(FUZZ_SECONDS) nice cargo test --locked --test fuzz -- --nocapture --test-threads 16

lint: $(CARGO_DENY) prose
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	$(CARGO_DENY) --locked check --deny unmatched-skip --hide-inclusion-graph bans licenses sources

PAGES := README.md CONTRIBUTING.md SECURITY.md CODE_OF_CONDUCT.md $(wildcard docs/*.md examples/*/*.md ci-templates/*/*.md ci-templates/*/*/*.md)
prose: $(PROSE)/node_modules
	PROSE_TOOLS=$(PROSE) node --test tests/prose/rules.test.mjs
	$(PROSE)/node_modules/.bin/textlint --config tests/prose/textlintrc.json --rulesdir tests/prose/rules --rules-base-directory $(PROSE)/node_modules $(PAGES)
	PROSE_TOOLS=$(PROSE) node tests/prose/readability.mjs $(PAGES)

lint-templates: $(LINTERS)/packages $(TOOLS)/templates/packages $(TOOLS)/security/packages $(TEMPLATE_TOOLS)/node_modules \
		$(MANIFEST_TOOLS)/node_modules
	tests/templates/lint.sh $(LINTERS)/bin $(TEMPLATE_TOOLS) $(dir $(TEMPLATE_PYTHON)) $(TOOLS)/security/bin
	$(BUILD)
	RSYNC=$$(tests/templates/rsync.sh $(TOOLS)/rsync) && export PATH="$$RSYNC:$$PATH" TEMPLATE_TOOLS=$(TEMPLATE_TOOLS) && \
		FAULTGATE_BIN=$(CURDIR)/target/debug/faultgate LINTERS=$(LINTERS)/bin PYTHONDONTWRITEBYTECODE=1 \
		$(TEMPLATE_PYTHON) -m pytest -q -n $(PYTEST_WORKERS) -p no:cacheprovider tests/templates

audit: $(CARGO_DENY)
	$(CARGO_DENY) --locked check advisories

bench: $(PACKAGES)
	cargo build --locked --release --package faultgate
	PYTHON=$(PYTHON) FAULTGATE_BIN=$(CURDIR)/target/release/faultgate cargo bench --locked --bench gate --target-dir target/bench

docs:
	cargo run --locked --quiet -- inputs --format markdown > docs/inputs.md
	cargo run --locked --quiet -- inputs --format schema > docs/suite.schema.json
	cargo run --locked --quiet -- iam --format markdown > docs/iam.md
	for mode in events queue poll sweep stop-all; do \
		cargo run --locked --quiet -- iam --mode $$mode > ci-templates/iam/$$mode.json || exit 1; done
	cargo run --locked --quiet -- inputs --format action > action.yml
	cargo run --locked --quiet -- inputs --format github-workflow > $(WORKFLOW)
	cargo run --locked --quiet -- inputs --format gitlab > $(COMPONENT)

docs-site: $(SITE_TOOLS)/packages
	$(SITE_TOOLS)/bin/mdbook build
	python3 tests/docs/links.py target/site

# Pinned tools, in a folder that git ignores.

# Not the interpreter itself, which is a link to the system's.
$(PACKAGES): tests/python/requirements.txt
	python3 -m venv $(TOOLS)/venv || { echo "python3 with venv is needed: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

$(LINTERS)/packages: tests/templates/lint.txt
	python3 -m venv $(LINTERS)
	$(LINTERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r $<
	touch $@

$(SITE_TOOLS)/packages: tests/docs/requirements.txt
	python3 -m venv $(SITE_TOOLS)
	$(SITE_TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r $<
	touch $@

$(TOOLS)/templates/packages: tests/templates/requirements.txt
	python3 -m venv $(TOOLS)/templates
	$(TEMPLATE_PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

$(TOOLS)/security/packages: tests/templates/security.txt
	python3 -m venv $(TOOLS)/security
	$(TOOLS)/security/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r $<
	touch $@

$(TEMPLATE_TOOLS)/node_modules: tests/templates/package.json tests/templates/package-lock.json tests/templates/.npmrc
	mkdir -p $(TEMPLATE_TOOLS)
	cp $^ $(TEMPLATE_TOOLS)
	cd $(TEMPLATE_TOOLS) && npm ci --loglevel=error
	touch $@

$(MANIFEST_TOOLS)/node_modules: $(addprefix tests/templates/manifests/,package.json package-lock.json .npmrc)
	mkdir -p $(MANIFEST_TOOLS)
	cp $^ $(MANIFEST_TOOLS)
	cd $(MANIFEST_TOOLS) && npm ci --loglevel=error
	touch $@

$(SHAPES): $(NODE)/node_modules tests/node/cut.mjs
	node tests/node/cut.mjs $(NODE)/node_modules/@octokit/openapi $@
	touch $@

$(NODE)/node_modules: tests/node/package.json tests/node/package-lock.json tests/node/.npmrc
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && npm --version > /dev/null || \
		{ echo "Node.js 20 or later with npm is needed: nodejs.org" >&2; exit 1; }
	mkdir -p $(NODE)
	cp $^ $(NODE)
	cd $(NODE) && npm ci --loglevel=error
	touch $@

$(BROWSER)/node_modules: tests/browser/package.json tests/browser/package-lock.json tests/browser/.npmrc
	mkdir -p $(BROWSER)
	cp $^ $(BROWSER)
	cd $(BROWSER) && npm ci --loglevel=error
	touch $@

$(PROSE)/node_modules: tests/prose/package.json tests/prose/package-lock.json tests/prose/.npmrc
	mkdir -p $(PROSE)
	cp $^ $(PROSE)
	cd $(PROSE) && npm ci --loglevel=error
	touch $@

# Not optimized: it is built far sooner, and runs for seconds all the same.
$(CARGO_DENY):
	CARGO_PROFILE_DEV_DEBUG=0 cargo install --debug --quiet --locked --root $(TOOLS) --target-dir $(TOOLS)/target cargo-deny@$(CARGO_DENY_VERSION)
