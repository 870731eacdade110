/**
 * minisvc --resolvconf under svscanboot: services see a resolv.conf of their own, the host keeps its, and theirs is mounted
 * again when the host writes its own. In a namespace with its own /etc; needs root.
 */
import { ourPrograms } from "../applets/run_transcript.ts";
import { assertEquals } from "../support/assert.ts";
import { canHaveRootNamespace, runInRootNamespace } from "../support/root_namespace.ts";

const SCRIPT = `set -eu
cd "$1"
PATH=$2:$PATH
export PATH
wait_for() { n=0; until eval "$1"; do n=$((n+1)); [ $n -lt 300 ] || { echo "waited for: $1"; cat svscanboot.log; exit 1; }; sleep 0.1; done; }
again() { wait_for '[ "$(grep -c "was written" logs/resolvconf/current)" = '$1' ]'; }
seen() { wait_for '[ -s seen ]'; cat seen; rm seen; }
echo nameserver 192.0.2.1 >/etc/resolv.conf
mkdir -p logs sv/dnscache
printf '#!/bin/sh\\nexec sleep 1000\\n' >sv/dnscache/run
chmod +x sv/dnscache/run
minisvc --svscanlog --resolvconf --servicedir="$1/sv" --logdir="$1/logs" >made
minisvc --create="sh -c 'cat /etc/resolv.conf >$1/seen; exec sleep 1000'" --service-name=probe --servicedir="$1/sv" --logdir="$1/logs" >>made
cat made | sed "s,$1,,g"
for folder in sv/.svscan sv/probe sv/resolvconf; do echo "$PATH" >$folder/variables/PATH; done
svscanboot "$1/sv" >svscanboot.log 2>&1 &
boot=$!
wait_for '[ -e seen ]'; seen | grep nameserver
cat /etc/resolv.conf
wait_for 'pid=$(pgrep -f "[i]notify -n /etc") && grep -qs ^inotify /proc/$pid/fdinfo/*'
echo nameserver 192.0.2.2 >/etc/resolv.conf; again 1
echo nameserver 192.0.2.3 >/etc/new; mv /etc/new /etc/resolv.conf; again 2
svc -r sv/probe; seen | grep nameserver
cat /etc/resolv.conf
kill $boot
wait $boot || true
wait_for '! pgrep -f "[i]notify -n /etc" >left'
`;

Deno.test({
  name: "services see a resolv.conf of their own, also after the host has written its own",
  ignore: !await canHaveRootNamespace(),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "indimail-resolv." });
    try {
      const { code, stdout, stderr } = await runInRootNamespace("sh", ["-c", SCRIPT, "sh", folder, ourPrograms()]);
      assertEquals(
        [code, stdout],
        [
          0,
          "Created /sv/.svscan\nCreated /sv/resolvconf\nCreated /sv/probe\n" +
          "nameserver 127.0.0.1\nnameserver 192.0.2.1\nnameserver 127.0.0.1\nnameserver 192.0.2.3\n",
        ],
        stdout + stderr,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
