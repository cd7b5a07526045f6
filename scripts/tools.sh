#!/usr/bin/env bash
# Sees to everything that building the web app needs beside Rust itself: the wasm32 target, Trunk,
# wasm-bindgen's program and wasm-opt. Installs what is missing or of another version, once a machine.

. "$(dirname "$0")/lib.sh"

trunk=0.21.14
binaryen=132
# The program and the crate must be of one version, to the last digit.
bindgen=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/"/, "", $3); print $3 }' Cargo.lock)

have cargo || die "Suntank is built with Rust: install it from https://rustup.rs and run this again."
have cc || die "A C compiler is missing: install one (Debian: sudo apt-get install build-essential) and run this again."

wanted=$(awk -F'"' '/^rust-version/ { print $2 }' Cargo.toml)
found=$(rustc --version | awk '{ print $2 }')
[ "$(printf '%s\n' "$wanted" "$found" | sort -t. -k1,1n -k2,2n | head -n 1)" = "$wanted" ] ||
  die "Suntank needs Rust $wanted or later and this is $found: run 'rustup update' and then this again."

if [ ! -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ]; then
  have rustup || die "Rust's wasm32 target is missing: install Rust from https://rustup.rs, or your system's package for wasm32-unknown-unknown."
  stage 'installing the wasm32 target' rustup target add wasm32-unknown-unknown
fi

# is PROGRAM VERSION: that program is there and says that it is of that version.
is() { [ "$("$1" --version 2>/dev/null | awk '{ print $2 }')" = "$2" ]; }

install_crate() { CARGO_TARGET_DIR=$tools/build cargo install --root "$tools" --force "$@"; }

if ! is trunk "$trunk" || ! is wasm-bindgen "$bindgen"; then
  is trunk "$trunk" || stage "installing trunk $trunk (once, minutes)" install_crate trunk --version "=$trunk" --locked
  is wasm-bindgen "$bindgen" ||
    stage "installing wasm-bindgen $bindgen (once, minutes)" install_crate wasm-bindgen-cli --version "=$bindgen"
  rm -rf "$tools/build"
fi

# wasm-opt makes the module a tenth smaller; without it the page is larger and works as well.
recent_wasm_opt() {
  local version
  version=$(wasm-opt --version 2>/dev/null | awk '{ print $3 }')
  [ "${version:-0}" -ge "$binaryen" ] 2>/dev/null
}
install_binaryen() {
  mkdir -p "$tools/npm" &&
    npm install --prefix "$tools/npm" --no-audit --no-fund "binaryen@$binaryen"
}

if ! recent_wasm_opt && have node && have npm; then
  (stage "installing wasm-opt $binaryen (once)" install_binaryen) || echo '  (going on without wasm-opt)'
fi
