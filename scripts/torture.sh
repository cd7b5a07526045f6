#!/usr/bin/env bash
# Lets many instances of Suntank die in every way there is, at random moments, and measures from outside how long
# their relays stay closed. COUNT is how many (200), SEED chooses the moments, AT_ONCE how many run beside each other.

. "$(dirname "$0")/lib.sh"

stage 'building' cargo test --locked -p server --test crash --no-run
SUNTANK_CRASHES=${COUNT:-200} SUNTANK_CRASH_SEED=${SEED:-$RANDOM} SUNTANK_CRASHES_AT_ONCE=${AT_ONCE:-4}
export SUNTANK_CRASHES SUNTANK_CRASH_SEED SUNTANK_CRASHES_AT_ONCE
echo "  $SUNTANK_CRASHES deaths, seed $SUNTANK_CRASH_SEED, $SUNTANK_CRASHES_AT_ONCE at once"
cargo test --locked -q -p server --test crash -- --nocapture s23
