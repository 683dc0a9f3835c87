# All commands for development. On a fresh machine with Python 3.11 and make, each of them installs what it needs.

PYTHON ?= python3
BIN := .venv/bin
# Tests wait for servers, browsers and databases most of the time, so there are twice as many processes as processors.
PROCESSES := $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))
# Modules are compiled once, and not by each of the many servers that tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install serve docs screenshots image test check fix bench figures schema clean

help:  ## print this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: .venv/.dev node_modules/.installed tests/clients/node_modules/.installed .venv-ariadne/.installed  ## install everything, including the tools for development

serve: .venv/.run node_modules/.installed  ## run the server with demo data, on http://127.0.0.1:8000/graphql; installs no development tools
	@OPENINGS_DATABASE_URL=$${OPENINGS_DATABASE_URL:-sqlite:///.data/demo.db} $(BIN)/openings serve --demo

image: .image/node.tar .image/python.tar  ## build the image `openings` with buildah, on base images of Debian's packages (mmdebstrap)
	for base in node python; do \
	    container=$$(buildah from scratch) && buildah add --quiet $$container .image/$$base.tar / \
	    && buildah commit --quiet --rm $$container openings-$$base || exit 1; \
	done
	buildah build --format docker $(IMAGE_OPTIONS) --tag openings --build-arg NODE=localhost/openings-node --build-arg PYTHON=localhost/openings-python .

docs: .venv/.docs  ## build the documentation as a site, in .site/site
	@$(BIN)/python -m website

screenshots: install  ## take the pictures of the README again, with Chromium
	$(BIN)/python -m website.screenshots

test: install  ## run all tests, on SQLite and on a real PostgreSQL
	$(BIN)/pytest --numprocesses=$(PROCESSES) --maxprocesses=4 --dist=loadfile

check: install  ## check style and types, and the pinned versions for known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/python -m tests.audit

fix: install  ## fix style automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install  ## run the benchmarks, in comparison with others
	$(BIN)/python -m benchmarks

figures: install  ## run the benchmarks, and write the results into docs/performance.md
	$(BIN)/python -m benchmarks --write

schema: .venv/.run  ## print the schema to schema/schema.graphql
	$(BIN)/openings schema > schema/schema.graphql

clean:  ## remove everything that was installed, and the demo data
	rm -rf .venv .venv-ariadne .image .site node_modules tests/clients/node_modules .data

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Openings needs Python 3.11 or newer: make PYTHON=python3.11 serve")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"  # older versions do not support dependency groups

.venv/.run: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/.dev: .venv/.run
	$(BIN)/pip install --quiet --constraint constraints.txt --group dev
	@touch $@

.venv/.docs: .venv/.run
	$(BIN)/pip install --quiet --constraint constraints.txt --group docs
	@touch $@

# GraphiQL's own files. Without npm, or if no registry can be reached, the page loads them from the internet instead.
node_modules/.installed: package.json package-lock.json
	@if command -v npm >/dev/null && npm ci --silent --no-audit --no-fund --ignore-scripts; \
	then touch $@; \
	else echo "No npm here: GraphiQL will be loaded from the internet." >&2; fi

# Base images for where no registry of images can be reached.
.image/node.tar: PACKAGES := npm,ca-certificates
.image/python.tar: PACKAGES := python3-venv,ca-certificates
.image/%.tar:
	@mkdir -p .image
	mmdebstrap --quiet --variant=minbase --include=$(PACKAGES) stable $@

# Third-party clients that the tests run. Without npm, or if no registry can be reached, those tests are skipped.
tests/clients/node_modules/.installed: tests/clients/package.json tests/clients/package-lock.json
	@if command -v npm >/dev/null && npm ci --silent --prefix tests/clients; \
	then touch $@; \
	else echo "No npm here: tests with third-party clients will be skipped." >&2; fi

# A client generator that needs another version of graphql-core than the server does.
.venv-ariadne/.installed: tests/clients/ariadne/requirements.txt .venv/bin/python
	@if $(BIN)/python -m venv --clear --without-pip .venv-ariadne \
	&& $(BIN)/pip --python .venv-ariadne install --quiet --requirement $<; \
	then touch $@; \
	else echo "No ariadne-codegen here: the test with it will be skipped." >&2; fi
