/**
 * Tries, from behind the fences of a role, what its row in core/role.ts forbids. core/main.ts puts this program behind the
 * fences of the role that its first argument names. For `indimail doctor --probe` and tests/fence.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { errorText, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { closeFd, OPEN, openFd } from "../../core/libc/fd.ts";
import { type ListenAddress, tryParseListen } from "../../core/listen_address.ts";
import { isRoleName, type Role, roleOf } from "../../core/role.ts";

/** One attempt: what was tried, whether it succeeded, and what stopped it. */
export interface Attempt {
  readonly attempt: string;
  readonly forbidden: boolean;
  readonly succeeded: boolean;
  readonly text: string;
}

/** What the probe is given to try on: a folder with a file `secret`, and a TCP port of 127.0.0.1 that accepts. */
interface Targets {
  readonly folder: string;
  readonly port: number;
  /** An address that the role is told to listen on. */
  readonly listen: ListenAddress | undefined;
}

type Trial = readonly [attempt: string, forbidden: boolean, run: () => void | Promise<void>];

async function runProgram(proc: Proc, program: string, args: readonly string[]): Promise<void> {
  const child = await proc.spawn({ program, args, fds: { 0: "null", 1: "null", 2: "null" } });
  const end = await child.ended;
  if (end.code !== 0 || end.signal !== 0) throw new Error(`${program} ended with exit code ${end.code}`);
}

async function runByRuntime(): Promise<void> {
  await new Deno.Command("/bin/true", { stdin: "null", stdout: "null", stderr: "null" }).output();
}

function trials(proc: Proc, role: Role, targets: Targets): Trial[] {
  const { folder, port } = targets;
  const list: Trial[] = [
    ["read control", false, () => void [...Deno.readDirSync(proc.paths.control)]],
    ["read", true, () => void Deno.readFileSync(`${folder}/secret`)],
    ["list", true, () => void [...Deno.readDirSync(folder)]],
    ["write", true, () => Deno.writeTextFileSync(`${folder}/written-by-${proc.pid}`, "")],
    ["change", true, () => Deno.writeTextFileSync(`${folder}/secret`, "changed")],
    ["remove", true, () => Deno.removeSync(`${folder}/secret`)],
    ["write control", !role.write.includes("control"), () => Deno.writeTextFileSync(`${proc.paths.control}/me`, "x")],
    ["listen", true, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close()],
    ["connect", role.connects === "none", async () => (await Deno.connect({ port })).close()],
  ];
  if (role.spawns) {
    list.push(["program", false, () => runProgram(proc, "/bin/true", [])]);
    list.push(["program reads", true, () => runProgram(proc, "/bin/cat", [`${folder}/secret`])]);
  } else {
    list.push(["program", true, runByRuntime]);
    list.push(["program by libc", true, () => runProgram(proc, "/bin/true", [])]);
  }
  const { listen } = targets;
  if (listen && role.listens) {
    list.push(["listen as told", false, () => Deno.listen({ hostname: listen.host, port: listen.port }).close()]);
  }
  list.push(["read by libc", true, () => closeFd(openFd(`${folder}/secret`, OPEN.read | OPEN.closeOnExec))]);
  return list;
}

async function attempt([name, forbidden, run]: Trial): Promise<Attempt> {
  try {
    await run();
    return { attempt: name, forbidden, succeeded: true, text: "succeeded" };
  } catch (error) {
    return { attempt: name, forbidden, succeeded: false, text: errorText(error) };
  }
}

export const applet = defineApplet({
  names: ["indimail-probe"],
  section: 8,
  summary: "try from behind a role's fences what they forbid",
  role: "text",
  dialect: "admin",
  daemon: true,
  options: {},
  operands: [
    { name: "role", help: "network, queue, local, remote, lookup or mailbox" },
    { name: "folder", help: "a folder that the role may not read, with a file secret in it that may be lost" },
    { name: "port", help: "a TCP port of 127.0.0.1 where something listens" },
    { name: "address", help: "host:port to listen on, where the role listens", optional: true },
  ],
  description:
    `Puts up the fences of the role, then tries to read, list, write and remove in the folder, to write control/me,
to listen, to connect to the port where the role may not, and to start a program; by the runtime and, where it can, by the
C library. Prints a JSON list of attempt, forbidden, succeeded and text. Run it on a folder and an installation that
may be damaged; indimail doctor --probe does, with folders of its own.`,
  exits: { 0: "everything forbidden was denied, everything else worked", 1: "not so" },
  seeAlso: ["indimail-doctor(8)"],
  source: ["[decision 0020]"],
  async run(proc) {
    const [name = "", folder = "", port = "", address = ""] = proc.args;
    if (!isRoleName(name)) throw new Usage(`there is no role ${name}`);
    const attempts: Attempt[] = [];
    const targets = { folder, port: Number(port), listen: tryParseListen(address) };
    for (const trial of trials(proc, roleOf(name), targets)) attempts.push(await attempt(trial));
    await proc.stdout.write(utf8Bytes(`${JSON.stringify(attempts)}\n`));
    const { ok, permanent } = EXIT_DIALECTS.admin;
    return attempts.every(({ forbidden, succeeded }) => forbidden !== succeeded) ? ok : permanent;
  },
});
