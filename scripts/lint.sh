#!/usr/bin/env bash
# Format and lints, warnings as errors: first what runs on the server, then what runs in the browser.

. "$(dirname "$0")/lib.sh"

stage 'rustfmt' cargo fmt --all --check
bash scripts/web.sh # the server embeds it, and doesn't compile without
stage 'clippy, server' cargo clippy --locked --all-targets -- -D warnings
# The engine is checked for the browser as well: it must stay free of the system.
stage 'clippy, browser' cargo clippy --locked --target wasm32-unknown-unknown \
  -p engine -p app -p frontend -- -D warnings
