#!/bin/bash
# indimail.sh start|stop - this project for the comparison harness: SMTP 16025, IMAP 16143, POP3 16110, users u1..u100
# in bench.test (password "secret"), x@null.test discarded, x@relay.test relayed to 127.0.0.1:$SINK. Everything is on:
# recipient checks, Received lines, logs, sandbox. BENCH_TOOLS is the harness' folder; BIN the compiled binary
# (default dist/indimail). USERFMT for the mailbox runs is u%d@bench.test.
set -eu
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BENCH_TOOLS=${BENCH_TOOLS:-$HERE/../../../shared/bench}
BINARY=${BINARY:-$HERE/../../dist/indimail}
. "$BENCH_TOOLS/peers/env.sh"
X=$W/indimail NAME=${NAME:-indimail} OFFSET=${OFFSET:-16000} SINK=${SINK:-10099}
export INDIMAIL_ROOT=$X/root
case $1 in
start)
  mkdir -p "$X"
  srv start "$NAME" -- "$BINARY" serve --root "$X/root" --port-offset "$OFFSET" --domain bench.test --listen 127.0.0.1 ${SERVE_ARGS:-}
  waitport $((OFFSET + 25)); waitport $((OFFSET + 143))
  if [ ! -f "$X/ready" ]; then
    for i in $(seq 1 100); do "$BINARY" vadduser -q NOQUOTA "u$i@bench.test" secret >/dev/null; done
    "$BINARY" vadddomain null.test secret >/dev/null
    echo "| /usr/sbin/vdelivermail '' delete" >"$X/root/var/indimail/domains/null.test/.qmail-default"
    echo relay.test >>"$X/root/etc/indimail/control/rcpthosts"
    echo "relay.test:127.0.0.1:$SINK" >"$X/root/etc/indimail/control/smtproutes"
    mkdir -p "$X/mail"
    for i in $(seq 1 100); do
      ln -sfn "$("$BINARY" vuserinfo -d "u$i@bench.test" | sed -n 's/^dir *: *//p')" "$X/mail/u$i"
    done
    touch "$X/ready"
    srv stop "$NAME"
    exec "$0" start
  fi;;
stop) srv stop "$NAME";;
clean) rm -rf "$X";;
esac
