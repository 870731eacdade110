/** nssd as a program for tests: in a root of its own, behind its fences, ended by its process id; nothing may be left of it. */
import { assertEquals } from "./assert.ts";
import { command, type CommandResult, eventually } from "./installation.ts";
import { killChild } from "./kill_child.ts";
import { ownProgram } from "./own_program.ts";

const decoder = new TextDecoder();

/** A running nssd in its own root. */
export class Nssd implements AsyncDisposable {
  readonly root: string;
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  log = "";

  private constructor(root: string, file: string) {
    this.root = root;
    const named = file === `${root}/etc/indimail/nssd.conf` ? [] : ["-f", file];
    const [program = "", ...args] = ownProgram();
    this.#child = new Deno.Command(program, {
      args: [...args, "nssd", "-d", "debug", ...named],
      env: { INDIMAIL_ROOT: root, INDIMAIL_ACCOUNTS: "0" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const chunk of this.#child.stderr) this.log += decoder.decode(chunk);
  }

  /** Starts it with that nssd.conf, in which $ROOT is its root; `prepare` gets the root before. */
  static async start(
    configuration: string,
    options: { readonly prepare?: (root: string) => Promise<void>; readonly folder?: string } = {},
  ): Promise<Nssd> {
    const root = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "nssd-" });
    for (const folder of ["etc/indimail/control", "var/indimail/lib", "run/indimail"]) {
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
    }
    await Deno.writeTextFile(`${root}/etc/indimail/control/me`, "mail.test\n");
    await options.prepare?.(root);
    const file = `${root}/${options.folder ?? "etc/indimail"}/nssd.conf`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, configuration.replaceAll("$ROOT", root));
    const nssd = new Nssd(root, file);
    await eventually(`nssd is ready: ${nssd.log}`, () => nssd.log.includes("ready,"));
    return nssd;
  }

  async getent(...args: readonly string[]): Promise<CommandResult> {
    const [program = "", ...before] = ownProgram();
    return await command(program, [...before, "nssd-getent", ...args], { env: { INDIMAIL_ROOT: this.root } });
  }

  reload(): void {
    this.#child.kill("SIGHUP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killChild(this.#child, "SIGTERM");
    const { code } = await this.#child.status;
    await this.#reading;
    const left = [...Deno.readDirSync(`${this.root}/run/indimail/pwdlookup`)].map(({ name }) => name);
    await Deno.remove(this.root, { recursive: true });
    assertEquals({ code, left }, { code: 0, left: [] }, this.log);
  }
}
