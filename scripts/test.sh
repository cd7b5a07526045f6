#!/usr/bin/env bash
# Everything that must hold before a change lands, and all that the continuous integration runs.
# Prints a line a stage, then how many tests passed. On Debian as root it installs what the tests need.

. "$(dirname "$0")/lib.sh"

# need PROGRAM PACKAGE…: the program is there, or is installed from these packages.
need() {
  local program=$1
  shift
  ! have "$program" || return 0
  if ! have apt-get || [ "$(id -u)" -ne 0 ]; then
    die "The tests need '$program': install it (Debian: sudo apt-get install $*) and run 'make test' again."
  fi
  stage "installing $program (once)" apt_install "$@"
}
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "$@"
}

passed=0 failed=0
# count LOG: adds up what the test runners say at their end (nextest, cargo test, Playwright).
count() {
  local p f
  read -r p f < <(awk '
    /^ *Summary \[/ || /^test result:/ || /^ +[0-9]+ (passed|failed|flaky|interrupted|did not run)/ {
      for (i = 1; i < NF; i++) {
        if ($(i + 1) ~ /^passed/) p += $i
        if ($(i + 1) ~ /^(failed|flaky|interrupted|timed|exec)/ || $(i + 1) " " $(i + 2) == "did not") f += $i
      }
    }
    END { print p + 0, f + 0 }' "$1")
  passed=$((passed + p)) failed=$((failed + f))
}
# tests NAME COMMAND…: a stage whose tests are counted and whose closing lines are shown.
tests() {
  local log
  log=$logs/$(printf %s "$1" | tr -cs 'A-Za-z0-9.' -).log
  trap 'count "$log"; echo; echo "$passed passed, $failed failed"' EXIT
  stage "$@"
  trap - EXIT
  # A crate without examples says so by a result of nothing.
  grep -hE '^ *Summary \[|^test result:|^ +[0-9]+ (passed|skipped)' "$log" | grep -v ' 0 passed; 0 failed' |
    sed 's/^ */      /' || true
  count "$log"
}

start=$SECONDS
need node nodejs
need npm npm
need chromium chromium fonts-dejavu-core
need mariadbd mariadb-server-core mariadb-client-core
[ "$(node --version | tr -dc '0-9.' | cut -d. -f1)" -ge 20 ] ||
  die "The browser tests need Node.js 20 or later and this is $(node --version): install a newer one and run 'make test' again."

stage 'crates, as Cargo.lock has them' cargo fetch --locked
bash scripts/lint.sh

if have cargo-nextest; then
  stage 'building the tests' cargo nextest run --locked --no-run
  tests 'unit and integration tests' cargo nextest run --locked --no-fail-fast \
    --show-progress none --status-level fail --final-status-level fail
else
  stage 'building the tests' cargo test --locked --no-run --all-targets
  tests 'unit and integration tests' cargo test --locked --no-fail-fast -q --all-targets
fi
tests 'examples in the docs' cargo test --locked -q --doc

stage 'size of the web app' node scripts/size.mjs

tests 'browser tests' bash scripts/e2e.sh

if have cargo-deny; then
  stage 'licences and sources' cargo deny --offline --locked check bans licenses sources
fi

echo
echo "$passed passed, $failed failed"
echo "in $(((SECONDS - start) / 60)) min $(((SECONDS - start) % 60)) s"
