/**
 * Root on a host of its own, for tests of what only root may do: a namespace with its own processes, mounts and network, in
 * which /etc is a copy without our accounts and /var, /home, /run and /mnt are empty. Nothing of the real host changes.
 */
import { assertEquals, assertMatch } from "./assert.ts";
import { command, type CommandResult, isCompiledRun } from "./installation.ts";

/** Set inside the namespace. */
const INSIDE = "INDIMAIL_TEST_NAMESPACE";
/** Everything dies with the first process. */
const UNSHARE = ["-m", "-n", "-p", "-f", "--mount-proc", "--kill-child"];

const SCRIPT = `set -e
mount --make-rprivate /
mount -t tmpfs none /mnt
cp -a /etc /mnt/etc
sed -i -E '/^(alias|qmail.|indimail|nofiles|qcerts|qmail):/d' /mnt/etc/passwd /mnt/etc/group /mnt/etc/shadow /mnt/etc/gshadow
rm -rf /mnt/etc/indimail
mkdir -p /mnt/bin /mnt/var/log /mnt/var/mail /mnt/var/tmp /mnt/home /mnt/run
chmod 1777 /mnt/var/tmp
for folder in etc var home run; do mount --bind /mnt/$folder /$folder; done
ip link set lo up
exec "$@"
`;

/** True in the namespace. */
export const isInRootNamespace = Deno.env.get(INSIDE) !== undefined;

/** Whether this host lets us have such a namespace; says so when not. */
export async function canHaveRootNamespace(): Promise<boolean> {
  let why = "it needs root";
  if (Deno.uid() === 0) {
    try {
      const { code, stderr } = await command("unshare", [
        ...UNSHARE,
        "sh",
        "-c",
        "mount -t tmpfs none /mnt && ip link",
      ]);
      if (code === 0) return true;
      why = stderr.trim();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      why = "there is no unshare(1)";
    }
  }
  console.error(`SKIPPED: tests of an installation as root on a host of its own: ${why}`);
  return false;
}

/** Runs a program there, with `bin` (a writable folder, empty) in front of PATH. */
export function runInRootNamespace(program: string, args: readonly string[]): Promise<CommandResult> {
  return command("unshare", [...UNSHARE, "sh", "-c", SCRIPT, "sh", program, ...args], {
    env: { [INSIDE]: "1", NO_COLOR: "1", PATH: `/mnt/bin:${Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin"}` },
  });
}

/** A test of a file that is run a second time, as root on a host of its own. */
export interface RootTest {
  readonly name: string;
  /** `import.meta.url` of the file, which holds no other test. */
  readonly url: string;
  /** How many steps the test has. */
  readonly steps: number;
  readonly fn: (t: Deno.TestContext) => Promise<void>;
}

/** Declares the test, where there is the compiled executable (other accounts may not be able to read the sources). */
export async function rootTest({ name, url, steps, fn }: RootTest): Promise<void> {
  if (isInRootNamespace) {
    Deno.test(`inside the namespace: ${name}`, fn);
  } else if (!isCompiledRun) {
    console.error(`SKIPPED: tested with the compiled executable only: ${name}`);
  } else if (await canHaveRootNamespace()) {
    Deno.test(name, async () => {
      const flags = ["test", "-A", "--no-check", "--unstable-net", "--unstable-worker-options"];
      const { code, stdout, stderr } = await runInRootNamespace(Deno.execPath(), [...flags, new URL(url).pathname]);
      assertEquals(code, 0, stdout + stderr);
      assertMatch(stdout, new RegExp(`\\| 1 passed \\(${steps} steps\\)`));
    });
  }
}
