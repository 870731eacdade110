/**
 * minisvc about services of the system where systemd is installed but does not run, as in a chroot or an image that is
 * being built: units are linked, and nothing asks a systemd that is not there. In a namespace; needs root.
 */
import { ourPrograms } from "../applets/run_transcript.ts";
import { assertEquals } from "../support/assert.ts";
import { canHaveRootNamespace, runInRootNamespace } from "../support/root_namespace.ts";

const SCRIPT = `set -eu
PATH=/mnt/bin:$1:$PATH
export PATH
printf '#!/bin/sh\\n[ "$1" != daemon-reload ] && [ "\${2-}" != --now ] || exit 1\\necho "systemctl $*"\\n' >/mnt/bin/systemctl
chmod +x /mnt/bin/systemctl
minisvc --config=add-boot --servicedir=/sv
minisvc --enable-service svscan
minisvc --disable-service svscan.service
minisvc --config=rm-boot
ls /etc/systemd/system/svscan.service 2>/mnt/left || echo removed
`;

Deno.test({
  name: "units are enabled and disabled where systemd does not run",
  ignore: !await canHaveRootNamespace(),
  async fn() {
    const { code, stdout, stderr } = await runInRootNamespace("sh", ["-c", SCRIPT, "sh", ourPrograms()]);
    assertEquals(
      [code, stdout],
      [
        0,
        "systemctl enable svscan.service\nCreated /etc/systemd/system/svscan.service\n" +
        "systemctl enable svscan.service\nEnabled svscan\n" +
        "systemctl disable svscan.service\nDisabled svscan.service\n" +
        "systemctl disable svscan.service\nRemoved /etc/systemd/system/svscan.service\nremoved\n",
      ],
      stdout + stderr,
    );
  },
});
