#!/usr/bin/env bash
# The browser tests: a real Chromium against the real server on the simulated plant.
# Arguments go to Playwright: a part of a spec's name, --headed, --trace on …

. "$(dirname "$0")/lib.sh"

have node && have npm || die "The browser tests need Node.js 20 or later with npm: install them and run this again."
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$chromium" ] || die "The browser tests need Chromium: install it (Debian: sudo apt-get install chromium), or name it in CHROMIUM."

bash scripts/web.sh
stage 'server' cargo build --bin suntank

cd end2end
if [ ! package-lock.json -ot node_modules/.package-lock.json ]; then
  export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
  stage 'packages of the browser tests' npm ci --no-audit --no-fund
fi
stage 'types of the browser tests' npx --no-install tsc

export CHROMIUM=$chromium SUNTANK_BIN=$CARGO_TARGET_DIR/debug/suntank
npx --no-install playwright test "$@"
