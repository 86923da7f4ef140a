#!/usr/bin/env bash
# Builds for distribution and compares servers end to end; `benches/README.md` says what is what.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --profile dist -p bespoke -p benches --bins
target=${CARGO_TARGET_DIR:-target}/dist

echo "commit $(git rev-parse --short HEAD), $(nproc) cores of $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)"
echo "load before: $(cut -d' ' -f1 /proc/loadavg) (others on the machine make all numbers worse, and ratios less sure)"
echo
exec "$target/e2e" compare "$target/bespoke"
