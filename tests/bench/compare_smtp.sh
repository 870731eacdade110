#!/bin/bash
# compare_smtp.sh [WORKLOADS] [ROUNDS] - the SMTP workloads of the harness against Postfix and this project in turn, so
# that noise of the machine meets both; prints the median of each. Both must run: peers/postfix.sh start with
# EXTRA=in_flow_delay=0, and indimail.sh start. N messages (1000), PEERS and BENCH_TOOLS as in indimail.sh.
set -eu
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BENCH_TOOLS=${BENCH_TOOLS:-$HERE/../../../shared/bench}
export PEERS=${PEERS:-/tmp/peers} REPS=1
workloads=${1:-accept deliver relay bigmail}
results=$(mktemp)
trap 'rm -f "$results"' EXIT
for _ in $(seq 1 "${2:-5}"); do for workload in $workloads; do
  "$BENCH_TOOLS/run-smtp.sh" postfix 11025 "$PEERS/postfix/mail/u%d/Maildir/new" "$workload" >>"$results"
  "$BENCH_TOOLS/run-smtp.sh" indimail 16025 "$PEERS/indimail/mail/./u%d/Maildir/new" "$workload" >>"$results"
done; done
python3 "$BENCH_TOOLS/summary.py" "$results"
