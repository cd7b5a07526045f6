#!/bin/sh
# Makes the built wasm smaller with Binaryen's wasm-opt, if there is one; without it the app works just as well.
# Called by Trunk after a build. The features are named one by one: browsers refuse what `--all-features` may emit.
set -eu

if ! command -v wasm-opt >/dev/null; then
    echo "wasm-opt is not installed: the wasm stays as it is" >&2
    exit 0
fi
for wasm in "$TRUNK_STAGING_DIR"/*_bg.wasm; do
    wasm-opt -Oz \
        --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext \
        --enable-mutable-globals --enable-reference-types --enable-multivalue \
        "$wasm" -o "$wasm.small"
    mv "$wasm.small" "$wasm"
done
