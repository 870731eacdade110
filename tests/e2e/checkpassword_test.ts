/**
 * Logins through programs of descriptor 3 in the chains that run files have: tcpserver with qmail-poppass and vsetpass, with
 * imaplogin, pop3login and authindi, with qmail-smtpd; the clients are a poppassd client in Python, curl and swaks. No
 * process may show a password.
 */
import { APPLETS } from "../../applets.ts";
import { linkPrograms, ownLauncher } from "../../admin/shell/link.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { TEST_CERTIFICATE } from "../support/certificates.ts";
import { command, type CommandResult, eventually } from "../support/installation.ts";
import { killChild } from "../support/kill_child.ts";
import { hasStartTls } from "../support/runtime.ts";

const USER = "ann@example.org";
const FIRST = "pa55-w0rd-n0b0dy-may-see";
const SECOND = "an0ther-secret-of-h1s";
const CLIENT = new URL("./poppass_client.py", import.meta.url).pathname;
const DECODER = new TextDecoder("latin1");

/** The account nobody and its group. */
const NOBODY = "65534";

/** A listener that runs. */
interface Listener {
  readonly port: number;
  log(): Promise<string>;
}

class World implements AsyncDisposable {
  readonly folder: string;
  readonly env: Record<string, string>;
  readonly #children: Deno.ChildProcess[] = [];

  private constructor(folder: string, env: Record<string, string>) {
    this.folder = folder;
    this.env = env;
  }

  static async start(): Promise<World> {
    const folder = await Deno.makeTempDir({ prefix: "indimail-checkpassword." });
    await Deno.chmod(folder, 0o755);
    for (const path of ["host/etc/indimail/control", "host/etc/indimail/certs", "host/run/indimail", "bin"]) {
      await Deno.mkdir(`${folder}/${path}`, { recursive: true });
    }
    await Deno.writeTextFile(`${folder}/host/etc/indimail/control/me`, "mx.example.org\n");
    await Deno.writeTextFile(`${folder}/host/etc/indimail/certs/servercert.pem`, TEST_CERTIFICATE);
    const executable = Deno.env.get("INDIMAIL_BIN");
    const launcher = executable === undefined
      ? ownLauncher()
      : { kind: "link" as const, executable: Deno.realPathSync(executable) };
    linkPrograms(`${folder}/bin`, { names: APPLETS.flatMap(({ names }) => names), launcher, force: false });
    const kept = ["DENO_DIR", "HOME", "LANG"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const path = `${folder}/bin:${Deno.env.get("PATH")}`;
    const world = new World(folder, { ...Object.fromEntries(kept), INDIMAIL_ROOT: `${folder}/host`, PATH: path });
    // as root for an account that every host has: mail is not served by root, and not each host has the account indimail
    const owner = Deno.uid() === 0 ? ["-i", NOBODY, "-g", NOBODY] : [];
    await world.run("vadddomain", ...owner, "example.org", "postmaster-secret");
    await world.run("vadduser", USER, FIRST);
    const log = world.#spawn("inlookup", ["inlookup"]);
    await eventually("the lookup daemon", async () => (await log()).includes("ready") || undefined);
    return world;
  }

  async run(...line: readonly [string, ...string[]]): Promise<CommandResult> {
    const [program, ...args] = line;
    const result = await command(`${this.folder}/bin/${program}`, args, { env: this.env });
    assertEquals(result.code, 0, `${line.join(" ")}: ${result.stderr}`);
    return result;
  }

  #spawn(name: string, line: readonly [string, ...string[]], env: Readonly<Record<string, string>> = {}) {
    const [program, ...args] = line;
    const path = `${this.folder}/${name}.log`;
    const script = 'exec "$0" "$@" 2>"$LOG"';
    const child = new Deno.Command("sh", {
      args: ["-c", script, program, ...args],
      env: { ...this.env, ...env, LOG: path },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
    }).spawn();
    this.#children.push(child);
    return () => Deno.readTextFile(path).catch(() => "");
  }

  /** tcpserver with a command line, on a free port. */
  async listen(
    name: string,
    program: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Listener> {
    const log = this.#spawn(name, ["tcpserver", "-1", "-HRl", "mx.example.org", "127.0.0.1", "0", ...program], env);
    const child = this.#children.at(-1)!;
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    return { port: Number(DECODER.decode(value).trim()), log };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.reverse()) {
      killChild(child, "SIGTERM");
      await child.stdout.cancel().catch(() => undefined);
      await child.status;
    }
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** What processes of this world show of themselves: command lines and environments. */
function shownByProcesses(world: World): string[] {
  const shown: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = DECODER.decode(Deno.readFileSync(`/proc/${name}/environ`));
      if (!environment.includes(world.folder)) continue;
      shown.push(DECODER.decode(Deno.readFileSync(`/proc/${name}/cmdline`)) + environment);
    } catch (error) {
      // it has ended meanwhile, or is somebody else's
      const gone = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
      if (!gone && !/No such process/.test(String(error))) throw error;
    }
  }
  return shown;
}

/** Waits until the listener's log has it: what a client saw may be there sooner. */
function logged(listener: Listener, pattern: RegExp): Promise<boolean> {
  return eventually(`${pattern} in the log`, async () => pattern.test(await listener.log()));
}

/** Changes a password as a client; what the client says, and what processes showed meanwhile. */
async function changePassword(
  world: World,
  port: number,
  { old, fresh, way }: { readonly old: string; readonly fresh: string; readonly way: "tls" | "plain" },
): Promise<{ readonly result: CommandResult; readonly shown: string }> {
  const stdin = `127.0.0.1\n${port}\n${USER}\n${old}\n${fresh}\n${way}\n`;
  let over = false;
  const asked = command("python3", [CLIENT], { stdin }).finally(() => over = true);
  const shown = new Set<string>();
  while (!over) {
    for (const text of shownByProcesses(world)) shown.add(text);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { result: await asked, shown: [...shown].join("\n") };
}

/** By TLS where the runtime can take a connection to it. */
const WAY = hasStartTls() ? "tls" : "plain";

Deno.test("programs of descriptor 3 work in the chains of run files", async (t) => {
  await using world = await World.start();

  await t.step("a user changes his password by qmail-poppass, and no process shows one", async () => {
    const chain = ["qmail-poppass", "mx.example.org", "vchkpass", "/bin/false"];
    const poppass = await world.listen("poppass", chain, { PASSWORD_COMMAND: "vsetpass /bin/false" });
    const changed = await changePassword(world, poppass.port, { old: FIRST, fresh: SECOND, way: WAY });
    assertEquals(changed.result.code, 0, `${changed.result.stdout}${changed.result.stderr}${await poppass.log()}`);
    assertMatch(changed.result.stdout, /^200 Password changed/);
    assertMatch(changed.shown, /vchkpass/);
    assertMatch(changed.shown, /vsetpass/);
    const refused = await changePassword(world, poppass.port, { old: FIRST, fresh: "x", way: "plain" });
    assertEquals(refused.result.stdout, "500 Old password is incorrect or user not found.\n");
    const log = await poppass.log();
    assertMatch(log, /"ann@example\.org": password changed/);
    assertMatch(log, /old password wrong/);
    for (const secret of [FIRST, SECOND]) {
      assert(!`${changed.shown}${refused.shown}${log}`.includes(secret), "a password is shown");
    }
  });

  await t.step("curl logs in through imaplogin and authindi, also after STARTTLS", async () => {
    const chain = ["sh", "-c", 'exec imaplogin "$@"', "imaplogin", "authindi", "imapd", "Maildir"];
    const imap = await world.listen("imap", chain);
    const ask = (password: string, ...more: readonly string[]) =>
      command("curl", ["-sS", "-k", ...more, "-K", "-", `imap://127.0.0.1:${imap.port}/`], {
        stdin: `user = "${USER}:${password}"\n`,
      });
    assertMatch((await ask(SECOND)).stdout, /INBOX/);
    if (hasStartTls()) assertMatch((await ask(SECOND, "--ssl-reqd")).stdout, /INBOX/);
    assertEquals((await ask(FIRST)).code, 67);
    await logged(imap, /INFO: LOGIN, user=ann@example\.org, ip=\[127\.0\.0\.1\]/);
    const inside = await world.listen("imap-inside", ["imaplogin", "authindi", "imapd", "Maildir"]);
    const hosted = await command("curl", ["-sS", "-K", "-", `imap://127.0.0.1:${inside.port}/`], {
      stdin: `user = "${USER}:${SECOND}"\n`,
    });
    if (Deno.uid() === 0) await logged(inside, /mail is not served by root: start tcpserver with -u and -g/);
    else assertMatch(hosted.stdout, /INBOX/);
  });

  await t.step("curl reads mail through pop3login and authindi", async () => {
    const chain = ["sh", "-c", 'exec pop3login "$@"', "pop3login", "authindi", "pop3d", "Maildir"];
    const pop3 = await world.listen("pop3", chain);
    const ask = (password: string) =>
      command("curl", ["-sS", "-K", "-", `pop3://127.0.0.1:${pop3.port}/`], {
        stdin: `user = "${USER}:${password}"\n`,
      });
    assertEquals((await ask(SECOND)).code, 0);
    assertEquals((await ask(FIRST)).code, 67);
  });

  await t.step("swaks logs in to qmail-smtpd with checkpassword programs on its command line", async () => {
    const smtp = await world.listen("smtp", ["qmail-smtpd", "mx.example.org", "vchkpass", "/bin/false"]);
    const ask = (password: string) =>
      command("swaks", [
        "--server=127.0.0.1",
        `--port=${smtp.port}`,
        "--auth=PLAIN",
        `--auth-user=${USER}`,
        `--auth-password=${password}`,
        "--quit-after=AUTH",
        "--helo=client.test",
      ]);
    assertMatch((await ask(SECOND)).stdout, /235 /);
    assertMatch((await ask(FIRST)).stdout, /535 /);
  });
});
