#!/usr/bin/env bash
# Loads Bespoke for a while over services that fail in every way, and fails if it grows; `benches/README.md` says more.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in *" --help "* | *" -h "*)
    cat <<'HELP'
benches/soak.sh [--minutes 10] [--every 10] [--share 0.8] [--connections 64]

Finds out how many requests a second Bespoke answers here, sends a share of that while 1 % of the services' answers are
of each kind of fault, and takes a sample of memory, descriptors and tasks again and again. Prints the samples and the
medians of the first and the last quarter; exit code 1 if one of them has grown.

  --minutes M        how long (default: 10)
  --every S          seconds between two samples (default: 10)
  --share R          the load, as a share of what is possible (default: 0.8)
  --connections N    connections at once (default: 64)
HELP
    exit 0 ;;
esac

cargo build --quiet --locked --release -p bespoke -p benches --bin bespoke --bin soak
target=${CARGO_TARGET_DIR:-target}/release
exec "$target/soak" "$target/bespoke" "$@"
