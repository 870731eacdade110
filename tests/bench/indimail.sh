#!/bin/bash
# indimail.sh start|stop|clean - this project for the comparison harness: SMTP 16025, IMAP 16143, POP3 16110, users
# u1..u100 in bench.test (password "secret"), x@null.test discarded, x@relay.test relayed to 127.0.0.1:$SINK,
# x@refused.test to a port that refuses. Everything is on: recipient checks, Received lines, logs, sandbox.
# BENCH_TOOLS is the harness' folder; BINARY the compiled binary (default dist/indimail), RUNTIME=deno runs the sources
# instead; SERVE_ARGS goes to `indimail serve`, CONTROL="name=value ..." into control files at every start.
# MAILDIR_FMT is $PEERS/indimail/mail/./u%d/Maildir/new (the dot makes find follow the link), USERFMT u%d@bench.test.
set -eu
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BENCH_TOOLS=${BENCH_TOOLS:-$HERE/../../../shared/bench}
if [ "${RUNTIME:-}" = deno ]; then
  PROGRAM=(deno run -A --no-prompt --unstable-net --unstable-worker-options ${DENO_FLAGS:-} "$HERE/../../main.ts")
else
  PROGRAM=("${BINARY:-$HERE/../../dist/indimail}")
fi
. "$BENCH_TOOLS/peers/env.sh"
X=$W/indimail NAME=${NAME:-indimail} OFFSET=${OFFSET:-16000} SINK=${SINK:-10099}
export INDIMAIL_ROOT=$X/root
launch() {
  srv start "$NAME" -- "${PROGRAM[@]}" serve --root "$X/root" --port-offset "$OFFSET" --domain bench.test \
    --listen 127.0.0.1 ${SERVE_ARGS:-}
  waitport $((OFFSET + 25)); waitport $((OFFSET + 143))
}
fill() {
  local dir i
  for i in $(seq 1 100); do
    "${PROGRAM[@]}" vadduser -q NOQUOTA "u$i@bench.test" secret >/dev/null
    dir=$("${PROGRAM[@]}" vuserinfo -d "u$i@bench.test" | sed 's/ *(missing)$//')
    mkdir -p "$dir/Maildir/tmp" "$dir/Maildir/new" "$dir/Maildir/cur"
    [ -e "$X/mail" ] || ln -s "$(dirname "$dir")" "$X/mail"
    [ -e "$X/mail/u$i" ] || ln -s "$dir" "$X/mail/u$i" # folders hold 100 users, postmaster is one
  done
  "${PROGRAM[@]}" vadddomain null.test secret >/dev/null
  echo '#' >"$X/root/var/indimail/domains/null.test/.qmail-default"
  printf '%s\n' relay.test refused.test >>"$X/root/etc/indimail/control/rcpthosts"
  printf '%s\n' "relay.test:127.0.0.1:$SINK" refused.test:127.0.0.1:1 >"$X/root/etc/indimail/control/smtproutes"
}
case $1 in
start)
  mkdir -p "$X"
  for pair in ${CONTROL:-}; do echo "${pair#*=}" >"$X/root/etc/indimail/control/${pair%%=*}"; done
  launch
  if [ ! -f "$X/ready" ]; then
    fill
    touch "$X/ready"
    srv stop "$NAME"
    launch
  fi;;
stop) srv stop "$NAME";;
clean) rm -rf "$X";;
*) echo "usage: indimail.sh start|stop|clean" >&2; exit 100;;
esac
