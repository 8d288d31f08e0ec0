# Playhead. `make` alone lists what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-s3 lint bench bench-clickhouse bench-kafka clickhouse-clients soak chaos stack-up stack-down stack-status fmt clean

# Builds live outside the checkout, so that a fresh clone finds the dependencies built already.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/playhead/target
export CARGO_TERM_COLOR ?= auto
CARGO := cargo
STEP := ./scripts/step
DEMO_DATA ?= $(CURDIR)/playhead-data/demo

help: ## this list
	@echo "Playhead: from players' events to resume positions, sessions and quality of service."
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: ## install what a bare Debian 12 with Rust lacks (idempotent)
	@./scripts/setup

demo: setup ## real viewing data and 10,000 simulated sessions, what comes out, and the live page
	@$(STEP) "build" $(CARGO) build --locked --quiet -p playhead
	@./scripts/demo "$$CARGO_TARGET_DIR/debug/playhead" "$(DEMO_DATA)"

test: setup ## formatting, lints, documentation and all tests (what CI runs)
	@$(STEP) "formatting" $(CARGO) fmt --all --check
	@$(STEP) "clippy, warnings denied" $(CARGO) clippy --locked --quiet --workspace --all-targets -- -D warnings
	@$(STEP) "tests" $(CARGO) test --locked --quiet --workspace
	@$(STEP) "clients of ClickHouse" ./scripts/clickhouse-clients "$$CARGO_TARGET_DIR/debug/playhead-clickhouse-server"
	@$(STEP) "documentation, warnings denied" env RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --quiet --workspace --no-deps
	@$(STEP) "schemas" "$$CARGO_TARGET_DIR/debug/playhead" schemas check

clickhouse-clients: setup ## Python's, Node's and Go's clients of ClickHouse against Playhead's ClickHouse server
	@$(STEP) "build" $(CARGO) build --locked --quiet -p playhead-clickhouse
	@$(STEP) "clients of ClickHouse" ./scripts/clickhouse-clients "$$CARGO_TARGET_DIR/debug/playhead-clickhouse-server"

test-s3: setup ## the tests of saved states on a server of S3, which it starts (make stack-up)
	@./scripts/stack up s3
	@$(STEP) "clippy with them, warnings denied" $(CARGO) clippy --locked --quiet -p playhead --all-targets --features s3-tests -- -D warnings
	@$(STEP) "tests against S3" ./scripts/test-s3

lint: setup ## shell scripts, docker-compose.yml; licences, sources and bans of all dependencies (installs cargo-deny once)
	@$(STEP) "shellcheck" shellcheck $$(grep -lE '^#!/usr/bin/env bash|^# shellcheck shell=bash' -r scripts .ci)
	@$(STEP) "docker-compose.yml" ./scripts/check-compose
	@command -v cargo-deny >/dev/null || $(STEP) "install cargo-deny" $(CARGO) install --locked --quiet cargo-deny
	@$(STEP) "cargo deny" $(CARGO) deny --locked check bans licenses sources

bench: setup ## events a CPU second and bytes a session, as a table and in bench-results/
	@mkdir -p bench-results
	@$(STEP) "build for measuring" $(CARGO) build --locked --quiet --release -p playhead-benches
	@"$$CARGO_TARGET_DIR/release/playhead-bench" --json bench-results/core.json $(BENCH)

bench-kafka: setup ## from topic to topic on Kafka, exactly once: CPU of client and broker, commits, memory (about eight minutes)
	@./scripts/stack up kafka
	@mkdir -p bench-results
	@$(STEP) "build for measuring" $(CARGO) build --locked --quiet --release -p playhead-benches
	@"$$CARGO_TARGET_DIR/release/playhead-bench" --json bench-results/kafka.json $(or $(BENCH),kafka)

soak: setup ## a million random sessions, ten million fuzzed inputs of each kind, 400 kills (about twenty minutes)
	@./scripts/soak

bench-clickhouse: setup ## the ClickHouse sink: CPU a row, rows a second, bytes an event; and queries over 50 M events (about ten minutes)
	@mkdir -p bench-results
	@$(STEP) "build for measuring" $(CARGO) build --locked --quiet --release -p playhead-benches -p playhead
	@./scripts/with-clickhouse "$$CARGO_TARGET_DIR/release/playhead" "$$CARGO_TARGET_DIR/release/playhead-bench" --json bench-results/clickhouse.json $(or $(BENCH),clickhouse-columns clickhouse)

chaos: setup ## 300 faults while three processes on Kafka work: kills, stops, cut connections, broker and registry away (about half an hour)
	@./scripts/stack up kafka registry toxiproxy
	@$(STEP) "build" $(CARGO) build --locked --quiet -p playhead -p playhead-e2e
	@"$$CARGO_TARGET_DIR/debug/playhead-chaos" $(CHAOS)

stack-up: setup ## Kafka, a schema registry, Cassandra, S3 and Toxiproxy on this machine, without containers (PARTS="kafka registry": only these)
	@./scripts/stack up $(PARTS)

stack-down: ## end them; their data stays in playhead-stack/
	@./scripts/stack down $(PARTS)

stack-status: ## what of it is up, where, and whether it is ready
	@./scripts/stack status $(PARTS)

fmt: ## format the code
	@$(CARGO) fmt --all

clean: ## remove the demo's data and the figures (not the builds)
	@rm -rf playhead-data bench-results
