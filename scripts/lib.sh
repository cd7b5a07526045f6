# Sourced by the scripts beside it: where things are, one line a stage, and failures as a sentence.
# Promises: works from any folder, on bash 3.2 and later; a stage prints nothing of its own unless it fails.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Build tools live outside the clone, so that a second clone finds them.
tools=${SUNTANK_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/suntank}
export PATH="$tools/bin:$tools/npm/node_modules/.bin:$PATH:/usr/sbin"

case ${CARGO_TARGET_DIR:=target} in
  /*) ;;
  *) CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR ;;
esac
export CARGO_TARGET_DIR
export MEMORY_SERVE_QUIET=1

logs=$CARGO_TARGET_DIR/logs
mkdir -p "$logs"

die() {
  printf '\n%s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# stage NAME COMMAND…: runs it, prints its name and seconds; its output goes to a log, shown if it fails.
stage() {
  local name=$1 start=$SECONDS status log
  shift
  log=$logs/$(printf %s "$name" | tr -cs 'A-Za-z0-9.' -).log
  printf '  %-44s' "$name"
  set +e
  (set -e && "$@") >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if [ "$status" -ne 0 ]; then
    printf 'failed after %d s\n\n' $((SECONDS - start))
    tail -n 200 "$log"
    die "The stage '$name' failed; what it said is above, and whole in $log."
  fi
  printf '%4d s\n' $((SECONDS - start))
}
