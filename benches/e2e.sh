#!/usr/bin/env bash
# Builds for distribution and compares servers end to end; `benches/README.md` says what is what.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in *" --help "* | *" -h "*)
    cat <<'HELP'
benches/e2e.sh [--only W2,W7] [--seconds 1] [--rounds 5] [--write FILE]

Loads Bespoke and the servers that it is compared with in turn, round after round, and prints medians and ratios
as Markdown. Needs an idle machine; some minutes with all workloads, after the build.

  --only NAMES     workloads: W1, W2, W3, W4, W5, W6, W7, wide, list, nest (default: all)
  --seconds S      how long a server is loaded in one round (default: 1)
  --rounds N       rounds, after one that is not counted (default: 5)
  --write FILE     also writes the report there
HELP
    exit 0 ;;
esac

cargo build --quiet --locked --profile dist -p bespoke -p benches --bins
target=${CARGO_TARGET_DIR:-target}/dist
COMMIT=$(git describe --always --dirty) exec "$target/e2e" compare "$target/bespoke" "$@"
