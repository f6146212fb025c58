# Entry points for people and CI. `make help` lists them.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build run image release-check check test test-clients test-packaging test-browser gallery-audit conformance scale-out test-scale bench instructions site torture \
	install deb deb-check wheel wheel-check ci

# CI builds exactly what Cargo.lock says; locally, cargo may update it for a new dependency.
LOCKED := $(if $(CI),--locked)
export ROADSTEAD_BIN ?= $(abspath $(or $(CARGO_TARGET_DIR),target)/release/roadstead)
# What tests/install.sh installed takes precedence.
export PATH := $(abspath .cache/bin):$(PATH)
PYTHON := .cache/venv/bin/python
# The tests of one file run in order, because they share a server; files run in parallel. They begin by name: xdist's own order is by number
# of tests, in which the few that wait for minutes come last and alone.
PYTEST := $(PYTHON) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' Makefile | expand -t 15

build: ## build the release binary
	cargo build $(LOCKED) --release

run: build ## build and run the registry on 127.0.0.1:5000, data in ./roadstead-data
	env -u ROADSTEAD_BIN $(ROADSTEAD_BIN) serve

image: build ## the container image, for `docker load` and `podman load`, in target/image/roadstead.tar (needs buildah)
	bash packaging/image.sh $(ROADSTEAD_BIN) target/image/roadstead.tar

release-check: image test-packaging deb-check wheel-check site ## build and try everything that a release publishes

check: ## formatting, lints, documentation and its links, licences of dependencies, house rules
	bash tests/install.sh check
	cargo fmt --check
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc $(LOCKED) --workspace --no-deps --quiet
	cargo machete
	cargo deny $(LOCKED) --log-level error check licenses bans sources
	bash tests/house-rules.sh

test: ## the Rust tests: no root, no network, no service (PostgreSQL is used if installed)
	cargo test $(LOCKED) --workspace

test-clients: build ## the service model, boto3, aws, SDKs, docker, crane …, and attacks, against the release binary (needs root)
	bash tests/install.sh clients tools sdks torture
	$(PYTHON) -c "import botocore.loaders, json; json.dump(botocore.loaders.Loader().load_service_model('ecr-public', 'service-2'), open('.cache/service-model.json', 'w'))"
	ROADSTEAD_SERVICE_MODEL=$(abspath .cache/service-model.json) cargo test $(LOCKED) --workspace --test it -- --ignored service_model::
	$(PYTEST) tests/clients
	$(PYTEST) tests/attacks
	$(PYTEST) tests/torture
	$(PYTEST) --dist load tests/docs

test-packaging: build ## the image in docker and podman, the Helm chart, compose.yaml, the workflows, against the release binary (needs root)
	bash tests/install.sh clients tools packaging
	$(PYTEST) tests/packaging
	@echo 'not tried: contrib/Dockerfile, compose.yaml and the Helm chart in a cluster (they need images of others), workflows on GitHub, the packages and the site (make release-check)'

test-browser: build ## the gallery in Chromium and w3m: pictures in .cache/pictures, accessibility, keyboard, without script, markup
	bash tests/install.sh browser
	$(PYTHON) tests/browser/run.py test $(BROWSER)

gallery-audit: build ## Lighthouse's four categories, performance included; needs a quiet machine
	bash tests/install.sh browser
	$(PYTHON) tests/browser/run.py audit

conformance: build ## the OCI conformance suite, from GitHub or from the directory that ROADSTEAD_CONFORMANCE names
	bash tests/install.sh conformance
	$(PYTHON) tests/conformance/run.py

scale-out: build ## all tests again on PostgreSQL, and with three replicas on PostgreSQL and S3 behind nginx (needs root, over an hour)
	bash tests/install.sh test clients tools sdks browser conformance scale minio
	bash tests/scale/run.sh all

test-scale: build ## the part of it that CI has time for
	bash tests/install.sh test clients tools scale
	bash tests/scale/run.sh smoke

bench: build ## the figures of docs/benchmarks.md (BENCH="--only roadstead" and other arguments of roadstead-bench compare)
	GOBIN=$(abspath .cache/bin) go install github.com/distribution/distribution/v3/cmd/registry@v3.1.1 || echo 'distribution is skipped: it needs Go' >&2
	PATH="$(abspath .cache/bin):$$PATH" $(dir $(ROADSTEAD_BIN))roadstead-bench compare $(BENCH)

instructions: build ## count the instructions per request, independent of other load
	bash tests/install.sh instructions
	bash tests/instructions.sh

torture: build ## hundreds of power cuts, a thousand kills, a full disk at each write (needs root, about an hour)
	bash tests/install.sh clients torture
	ROADSTEAD_TORTURE_CUTS=100 ROADSTEAD_TORTURE_SECONDS=20 ROADSTEAD_TORTURE_KILLS=1000 ROADSTEAD_TORTURE_FULL_DISKS=96 ROADSTEAD_TORTURE_FAULTS=40 $(PYTEST) tests/torture

site: build ## the documentation as a web site, in target/site
	bash tests/install.sh site
	python3 site/build.py target/site

install: $(ROADSTEAD_BIN) ## install the built binary, manual pages and completions below PREFIX=/usr/local, and for packagers below DESTDIR
	bash packaging/install.sh $(ROADSTEAD_BIN) $(DESTDIR)$(or $(PREFIX),/usr/local)

$(ROADSTEAD_BIN):
	@echo '$@ does not exist: run `make build` first' >&2; exit 1

deb: build ## build the Debian package, in target/debian
	bash tests/install.sh deb
	bash packaging/debian/build.sh $(ROADSTEAD_BIN)

deb-check: deb ## install, run, and remove the Debian package in a bare root (needs root)
	bash tests/install.sh python
	ROADSTEAD_DEB=$$(echo target/debian/roadstead_*.deb) $(PYTHON) -m pytest -q -p no:cacheprovider packaging/debian

wheel: ## build the Python package, in target/wheels
	bash tests/install.sh wheel
	rm -rf target/wheels
	cd packaging/python && $(CURDIR)/.cache/maturin/bin/maturin build $(LOCKED) --quiet --release --out $(CURDIR)/target/wheels

wheel-check: wheel ## install the Python package into a fresh environment and test it there
	bash packaging/python/check.sh target/wheels/roadstead-*.whl

ci: ## everything that CI runs: install what is missing, then all checks and tests (needs root on Debian or Ubuntu)
	bash tests/ci.sh
