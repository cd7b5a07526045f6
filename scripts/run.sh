#!/usr/bin/env bash
# Builds what changed and starts Suntank on the simulated plant. SPEED and PORT choose its pace and its port,
# SUNTANK_STATE the folder it keeps its data in (var, if there is none).

. "$(dirname "$0")/lib.sh"

bash scripts/web.sh
[ -x "$CARGO_TARGET_DIR/debug/suntank" ] || echo '  (the first build takes some minutes; later ones seconds)'
stage 'server' cargo build --bin suntank
exec "$CARGO_TARGET_DIR/debug/suntank" run --demo --speed "${SPEED:-1}" --listen "127.0.0.1:${PORT:-8080}"
