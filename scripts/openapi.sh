#!/usr/bin/env bash
# Writes openapi/suntank.json, generated from the handlers; a test holds the committed file against them.

. "$(dirname "$0")/lib.sh"

bash scripts/web.sh
stage 'server' cargo build --bin suntank
new=$(mktemp)
trap 'rm -f "$new"' EXIT
"$CARGO_TARGET_DIR/debug/suntank" openapi >"$new" || die "The server could not print its API description; what it said is above."
cat "$new" >openapi/suntank.json
