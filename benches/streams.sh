#!/usr/bin/env bash
# Subscribes to values that change, and compares what comes with the source's log; `benches/README.md` says more.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in *" --help "* | *" -h "*)
    cat <<'HELP'
benches/streams.sh [--subscribers 700] [--over both] [--by both] [--equal] [--every 2] [--change 5] [--seconds 20]
                   [--delay 2] [--etag] [--joined] [--at-once 64]

Starts a source of values, Bespoke over it, and subscribers. Values rest for four intervals, and then change for a while.
Prints how long it took until all had their first event, calls per tick, memory and processor time; exit code 1 if a
subscriber saw an error or a value twice, missed one that was current for longer than the interval and two seconds, or
did not see the last one.

  --subscribers N  how many, each over a connection of its own (default: 700)
  --over HOW       ws, sse, or both in turns (default: both)
  --by FORM        literal, variable, or both in turns: how an operation says what it watches (default: both)
  --equal          all watch one value; without it, each watches a value of its own
  --every S        the interval of polling, in seconds (default: 2)
  --change S       seconds between two changes of one value (default: 5)
  --seconds S      how long values change (default: 20)
  --delay MS       milliseconds that the source takes for an answer (default: 2)
  --etag           the source sends an ETag and answers 304 to If-None-Match
  --joined         each event needs a second call
  --at-once N      subscribers that connect at once (default: 64)
HELP
    exit 0 ;;
esac

cargo build --quiet --locked --release -p bespoke -p benches --bin bespoke --bin streams
target=${CARGO_TARGET_DIR:-target}/release
ulimit -n "$(ulimit -Hn)"
exec "$target/streams" "$target/bespoke" "$@"
