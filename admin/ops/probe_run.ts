/** Runs indimail-probe behind the fences of a role, on a folder and an installation made for it and removed afterwards. */
import type { Proc } from "../../core/applet.ts";
import { latin1Text } from "../../core/bytes.ts";
import { errorText } from "../../core/errors.ts";
import type { RoleName } from "../../core/role.ts";
import type { Finding } from "./doctor_checks.ts";
import type { Attempt } from "./indimail_probe.ts";

/** Not below /tmp, where the local role may write. */
const PLACE = "/var/tmp";
/** Most output of a probe. */
const OUTPUT_BYTES_MAX = 64 * 1024;

async function runProbe(proc: Proc, role: RoleName, targets: { folder: string; root: string; port: number }) {
  const child = await proc.spawn({
    program: "indimail-probe",
    args: [role, targets.folder, String(targets.port)],
    env: { ...proc.env.all(), INDIMAIL_ROOT: targets.root, INDIMAIL_ACCOUNTS: "0" },
    fds: { 0: "null", 1: "pipe-out", 2: "null" },
  });
  const output = child.readers.get(1)!;
  const buffer = new Uint8Array(OUTPUT_BYTES_MAX);
  let length = 0;
  for (let count = await output.read(buffer); count !== null && length < buffer.length;) {
    length += count;
    count = await output.read(buffer.subarray(length));
  }
  output.close();
  await child.ended;
  return latin1Text(buffer.subarray(0, length));
}

/** What came of a probe's JSON. */
export function probeFinding(role: RoleName, output: string): Finding {
  const subject = `${role} probe`;
  let attempts: readonly Attempt[];
  try {
    attempts = JSON.parse(output);
  } catch (error) {
    return { subject, verdict: "wrong", text: `the probe gave no result: ${errorText(error)}` };
  }
  const wrong = attempts.filter(({ forbidden, succeeded }) => forbidden === succeeded);
  if (wrong.length === 0) {
    const denied = attempts.filter(({ forbidden }) => forbidden).length;
    return { subject, verdict: "ok", text: `${denied} forbidden things tried, all denied` };
  }
  const texts = wrong.map(({ attempt, succeeded, text }) => succeeded ? `${attempt} SUCCEEDED` : `${attempt}: ${text}`);
  return { subject, verdict: "wrong", text: texts.join("; ") };
}

/** Tries the fences of a role. */
export async function probeRole(proc: Proc, role: RoleName): Promise<Finding> {
  const folder = Deno.makeTempDirSync({ dir: PLACE });
  const root = Deno.makeTempDirSync({ dir: PLACE });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    Deno.writeTextFileSync(`${folder}/secret`, "secret\n");
    Deno.mkdirSync(`${root}/etc/indimail/control`, { recursive: true });
    Deno.writeTextFileSync(`${root}/etc/indimail/control/me`, "probe.invalid\n");
    return probeFinding(role, await runProbe(proc, role, { folder, root, port: listener.addr.port }));
  } finally {
    listener.close();
    for (const path of [folder, root]) Deno.removeSync(path, { recursive: true });
  }
}
