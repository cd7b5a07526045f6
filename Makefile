# The few words to know. Each says a line a stage, and on failure what to do. What they do stands in scripts/.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run test torture bench lint fmt web size openapi e2e deny

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

run: ## start Suntank on a simulated plant (SPEED=60 faster than life, PORT=8080)
	@SPEED="$(SPEED)" PORT="$(PORT)" scripts/run.sh

test: ## everything that must hold: lints, tests, size, a real browser
	@scripts/test.sh

torture: ## let instances die in every way and see how fast their relays open (COUNT=200)
	@COUNT="$(COUNT)" SEED="$(SEED)" AT_ONCE="$(AT_ONCE)" scripts/torture.sh

lint: ## format and lints alone
	@scripts/lint.sh

fmt: ## put the code in format
	@cargo fmt --all

web: ## build the web app into frontend/dist, if it changed
	@scripts/web.sh

bench: web ## how late the control loop runs, idle and under load, in one table (SECONDS=20 a row)
	@cargo bench --quiet -p server --bench loop_jitter

size: web ## what a browser loads, compressed; fails above the budget
	@node scripts/size.mjs

openapi: ## write openapi/suntank.json anew from the handlers
	@scripts/openapi.sh

e2e: ## the browser tests alone (SPEC=control one of them)
	@scripts/e2e.sh $(SPEC)

deny: ## licences, sources and known vulnerabilities of all dependencies (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing: run 'cargo install cargo-deny --locked' and then this again."; exit 1; }
	@cargo deny --locked check
