#!/usr/bin/env bash
# Times queries beside a stalled service that they do not need, and without one; `benches/README.md` says what is what.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in *" --help "* | *" -h "*)
    cat <<'HELP'
benches/stalled.sh [--rounds 31] [--queries 5000] [--stalled 64]

Starts two processes `bespoke serve`. At one of them, queries wait throughout for a service that has taken their calls
and says nothing; at the other none does. Asks both, in turns of 40 queries, for what another service answers at once:
over one connection, and over eight with as many queries a second as one connection could send. Prints p50 and p95 of
each round and the ratios of the p95, beside to without, as Markdown; exit code 1 if the median of one is above 1.10.

  --rounds N     rounds, after one that is not counted (default: 31)
  --queries N    queries per process and round, for each of the two ratios; in whole turns (default: 5000)
  --stalled N    queries that wait, 0 to 256 (default: 64); with 0 the processes do the same, and how far the ratios
                 are from 1 is how well this machine can tell

The report goes to standard output, progress to standard error. On a busy machine single rounds mean little; look at
the medians, and at what `--stalled 0` says.
HELP
    exit 0 ;;
esac

cargo build --quiet --locked --profile dist -p bespoke -p benches --bin bespoke --bin e2e
target=${CARGO_TARGET_DIR:-target}/dist
COMMIT=$(git describe --always --dirty) exec "$target/e2e" stalled "$target/bespoke" "$@"
