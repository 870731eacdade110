/**
 * Every daemon role, from inside: what its row in core/role.ts forbids must be denied, by the runtime and by the kernel.
 * Runs the program from the sources, or the executable that INDIMAIL_BIN names.
 */
import { assert, assertEquals } from "../support/assert.ts";
import type { RoleName } from "../../core/role.ts";

const ROLES_TRIED: readonly RoleName[] = ["network", "queue", "local", "remote", "lookup", "mailbox", "names"];
const checkout = new URL("../..", import.meta.url).pathname;

/** Not below /tmp, where the local role may write. */
const PLACE = "/var/tmp";

function command(args: readonly string[]): Deno.Command {
  const binary = Deno.env.get("INDIMAIL_BIN");
  const env = { INDIMAIL_ACCOUNTS: "0" };
  if (binary !== undefined) return new Deno.Command(binary, { args: [...args], env });
  const flags = ["run", "-A", "--no-prompt", "--unstable-net", "--unstable-worker-options", `${checkout}main.ts`];
  return new Deno.Command(Deno.execPath(), { args: [...flags, ...args], env });
}

interface Attempt {
  readonly attempt: string;
  readonly forbidden: boolean;
  readonly succeeded: boolean;
  readonly text: string;
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function probe(role: RoleName): Promise<{ attempts: Attempt[]; fence: string; secret: string; files: string[] }> {
  const folder = Deno.makeTempDirSync({ dir: PLACE });
  const root = Deno.makeTempDirSync({ dir: PLACE });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    Deno.writeTextFileSync(`${folder}/secret`, "secret");
    Deno.mkdirSync(`${root}/etc/indimail/control`, { recursive: true });
    Deno.writeTextFileSync(`${root}/etc/indimail/control/me`, "host.example\n");
    const address = `imap=127.0.0.1:${freePort()}`;
    const args = ["--root", root, "indimail-probe", role, folder, String(listener.addr.port), address];
    const { stdout, stderr } = await command(args).output();
    const text = new TextDecoder().decode(stderr);
    const attempts: Attempt[] = JSON.parse(new TextDecoder().decode(stdout) || "[]");
    const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
    return { attempts, fence: text, secret: Deno.readTextFileSync(`${folder}/secret`), files };
  } finally {
    listener.close();
    Deno.removeSync(folder, { recursive: true });
    Deno.removeSync(root, { recursive: true });
  }
}

for (const role of ROLES_TRIED) {
  Deno.test(`role ${role} is denied every forbidden read, write, connect and spawn, and allowed the rest`, async () => {
    const { attempts, fence, secret, files } = await probe(role);
    assert(attempts.length >= 10, `the probe tried ${attempts.length} things: ${fence}`);
    const wrong = attempts.filter(({ forbidden, succeeded }) => forbidden === succeeded);
    assertEquals(wrong, []);
    assertEquals({ secret, files }, { secret: "secret", files: ["secret"] });
    assert(fence.includes("fence: account="), fence);
  });
}

Deno.test("an inherited mark does not let a process skip its fences", async () => {
  const root = Deno.makeTempDirSync({ dir: PLACE });
  try {
    Deno.mkdirSync(`${root}/etc/indimail/control`, { recursive: true });
    Deno.writeTextFileSync(`${root}/etc/indimail/control/me`, "host.example\n");
    Deno.writeTextFileSync(`${root}/secret`, "secret");
    const args = ["--root", root, "indimail-probe", "lookup", root, "1"];
    const binary = Deno.env.get("INDIMAIL_BIN");
    // the shell's own pid is that of the program it executes, as the mark wants it
    const script = 'INDIMAIL_FENCED="$$ 7 unchanged" exec "$@"';
    const program = binary !== undefined ? [binary] : [Deno.execPath(), "run", "-A", `${checkout}main.ts`];
    const { stdout } = await new Deno.Command("/bin/sh", {
      args: ["-c", script, "sh", ...program, ...args],
      env: { INDIMAIL_ACCOUNTS: "0" },
    }).output();
    const attempts: Attempt[] = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(attempts.filter(({ forbidden, succeeded }) => forbidden && succeeded), []);
    assertEquals(Deno.readTextFileSync(`${root}/secret`), "secret");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("a role whose modules Deno has not compiled yet starts behind its fences all the same", async () => {
  if (Deno.env.get("INDIMAIL_BIN") !== undefined) return;
  const cache = Deno.makeTempDirSync({ dir: PLACE });
  try {
    const args = ["run", "-A", "--no-prompt", "--unstable-net", "--unstable-worker-options", `${checkout}main.ts`];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, "--root", cache, "indimail-probe", "lookup", cache, "1"],
      env: { INDIMAIL_ACCOUNTS: "0", DENO_DIR: cache },
    }).output();
    assert(new TextDecoder().decode(stdout).startsWith("["), new TextDecoder().decode(stderr));
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
});
