#!/usr/bin/env bash
# Builds the single-page app into frontend/dist, which the server embeds; does nothing if it is up to date.

. "$(dirname "$0")/lib.sh"

built=frontend/dist/index.html
sources="app frontend style server/engine/src Cargo.toml Cargo.lock Trunk.toml"

# A deleted file counts too: it makes its folder newer.
newer=
[ ! -e "$built" ] || newer=$(find $sources -path frontend/dist -prune -o -newer "$built" -print -quit)
[ ! -e "$built" ] || [ -n "$newer" ] || exit 0

bash scripts/tools.sh

build() {
  # Trunk is told to stay offline, lest it fetch programs by itself; the crates must be there then.
  cargo fetch
  # Trunk takes only true or false in this variable, where everyone else takes anything.
  env -u NO_COLOR trunk build --release true --offline true --skip-version-check
}

started=$(mktemp)
trap 'rm -f "$started"' EXIT
stage 'web app' build
# What was edited while it built is built next time.
touch -r "$started" "$built"
