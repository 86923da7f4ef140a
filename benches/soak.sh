#!/usr/bin/env bash
# Loads Bespoke for a while over services that fail in every way, and fails if it grows; `benches/README.md` says more.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in *" --help "* | *" -h "*)
    cat <<'HELP'
benches/soak.sh [--minutes 10] [--every 10] [--share 0.8] [--at-once 512]

Of the services' answers, 1 % are of each kind of fault. Finds out how many requests a second Bespoke answers so, with
as many under way as may be; sends a share of that, each request at its time whatever became of the others; and takes a
sample of memory, descriptors and tasks again and again. Prints the samples, the medians of the first and the last
quarter, and what is held at rest before and after; exit code 1 if more is held after.

  --minutes M   how long (default: 10)
  --every S     seconds between two samples (default: 10)
  --share R     the load, as a share of what is possible (default: 0.8)
  --at-once N   most requests under way (default: 512)
HELP
    exit 0 ;;
esac

cargo build --quiet --locked --release -p bespoke -p benches --bin bespoke --bin soak
target=${CARGO_TARGET_DIR:-target}/release
exec "$target/soak" "$target/bespoke" "$@"
