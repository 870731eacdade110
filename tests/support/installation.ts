/**
 * A whole installation for end-to-end tests: its own root and ports, started by `indimail serve`, under `deno run` or as
 * the compiled binary (INDIMAIL_BIN) through symlinks made by `indimail link`. Stopped by pid, and nothing is left.
 */
import { assertEquals } from "./assert.ts";
import { killChild } from "./kill_child.ts";

/** What a finished command left. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Services and their real ports; an installation of a test has an offset to each. */
export const SERVICE_PORTS = {
  smtp: 25,
  submission: 587,
  smtps: 465,
  imap: 143,
  imaps: 993,
  pop3: 110,
  pop3s: 995,
} as const;

/** Ports of an installation by service. */
export type ServicePorts = Record<keyof typeof SERVICE_PORTS, number>;

/** How an installation is made. */
export interface InstallationOptions {
  readonly domain?: string;
  /** Called with the root before the first start, to put control files there. */
  prepare?(root: string): Promise<void>;
  /** More arguments of serve. */
  readonly serveArguments?: readonly string[];
  /** Environment of all roles. */
  readonly env?: Readonly<Record<string, string>>;
}

const CHECKOUT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const START_WAIT_MS = 60_000;
const STOP_WAIT_MS = 60_000;
const decoder = new TextDecoder();

/** True when the compiled binary is tested. */
export const isCompiledRun = Deno.env.get("INDIMAIL_BIN") !== undefined;

/** An installation that is, or was, running. */
export class Installation implements AsyncDisposable {
  readonly folder: string;
  readonly root: string;
  readonly domain: string;
  readonly offset: number;
  readonly ports: ServicePorts;
  readonly #env: Record<string, string>;
  readonly #serveArguments: readonly string[];
  #serve: Deno.ChildProcess | undefined;
  #output = "";
  #reading: Promise<void>[] = [];

  private constructor(folder: string, offset: number, options: InstallationOptions) {
    this.folder = folder;
    this.root = `${folder}/root`;
    this.domain = options.domain ?? "example.test";
    this.offset = offset;
    this.ports = Object.fromEntries(
      Object.entries(SERVICE_PORTS).map(([name, port]) => [name, port + offset]),
    ) as ServicePorts;
    this.#serveArguments = options.serveArguments ?? [];
    this.#env = { INDIMAIL_ROOT: this.root, ...options.env };
  }

  /** Makes and starts an installation. */
  static async start(options: InstallationOptions = {}): Promise<Installation> {
    const folder = await Deno.makeTempDir({ prefix: "indimail-test." });
    const installation = new Installation(folder, freeOffset(), options);
    await Deno.mkdir(installation.root);
    if (options.serveArguments?.includes("--accounts")) await Deno.chmod(folder, 0o755);
    if (isCompiledRun) {
      const link = await command(Deno.env.get("INDIMAIL_BIN")!, ["link", `${folder}/bin`]);
      assertEquals(link.code, 0, link.stderr);
    }
    await options.prepare?.(installation.root);
    await installation.serve();
    return installation;
  }

  /** What `indimail serve` has said so far. */
  get output(): string {
    return this.#output;
  }

  /** What all roles have logged since the first start. */
  async log(): Promise<string> {
    return await Deno.readTextFile(`${this.root}/var/log/indimail/current`);
  }

  /** The pid of the supervisor. */
  get pid(): number {
    if (!this.#serve) throw new Error("not running");
    return this.#serve.pid;
  }

  /** Starts (again); resolves when all ports answer. */
  async serve(): Promise<void> {
    const [program, args] = this.#command("indimail", [
      "serve",
      "--root",
      this.root,
      "--port-offset",
      String(this.offset),
      "--domain",
      this.domain,
      ...this.#serveArguments,
    ]);
    this.#serve = new Deno.Command(program, { args, env: this.#env, stdin: "null", stdout: "piped", stderr: "piped" })
      .spawn();
    this.#reading = [this.#serve.stdout, this.#serve.stderr].map((stream) => this.#read(stream));
    const end = Date.now() + START_WAIT_MS;
    for (const port of Object.values(this.ports)) {
      while (!(await answers(port))) {
        if (Date.now() > end) throw new Error(`port ${port} does not answer:\n${this.#output}`);
        await pause(50);
      }
    }
  }

  /** Asks the supervisor to stop, and waits until it has. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    const serve = this.#serve;
    if (!serve) return 0;
    this.#serve = undefined;
    killChild(serve, signal);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`did not stop in time:\n${this.#output}`)), STOP_WAIT_MS);
    });
    const status = await Promise.race([serve.status, late]).finally(() => clearTimeout(timer));
    await Promise.all(this.#reading);
    return status.code;
  }

  /** Runs a program of ours in this installation. */
  async run(name: string, args: readonly string[], stdin?: string | Uint8Array): Promise<CommandResult> {
    const [program, all] = this.#command(name, args);
    return await command(program, all, { env: this.#env, stdin });
  }

  /** Runs a program of ours and fails the test unless it succeeds. */
  async must(name: string, args: readonly string[], stdin?: string | Uint8Array): Promise<string> {
    const result = await this.run(name, args, stdin);
    assertEquals(result.code, 0, `${name} ${args.join(" ")}: ${result.stdout}${result.stderr}`);
    return result.stdout;
  }

  /** Adds a user of the domain. */
  async addUser(name: string, password: string): Promise<void> {
    await this.must("vadduser", [`${name}@${this.domain}`, password]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.folder, { recursive: true });
  }

  #command(name: string, args: readonly string[]): [program: string, args: string[]] {
    if (isCompiledRun) return [`${this.folder}/bin/${name}`, [...args]];
    const flags = ["run", "-A", "--no-prompt", "--unstable-net", "--unstable-worker-options", `${CHECKOUT}/main.ts`];
    return [Deno.execPath(), [...flags, name, ...args]];
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) this.#output += decoder.decode(chunk);
  }
}

/** Runs any program to its end. */
export async function command(
  program: string,
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly stdin?: string | Uint8Array | undefined;
    readonly cwd?: string;
  } = {},
): Promise<CommandResult> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(options.env ? { env: { ...options.env } } : {}),
    ...(options.cwd ? { cwd: options.cwd } : {}),
  }).spawn();
  if (options.stdin !== undefined) {
    const bytes = typeof options.stdin === "string" ? new TextEncoder().encode(options.stdin) : options.stdin;
    const writer = child.stdin.getWriter();
    await writer.write(bytes).then(() => writer.close()).catch(() => undefined); // a program need not read it all
  }
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Waits until `check` gives something, up to `waitMs`. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  waitMs = 30_000,
): Promise<T> {
  const end = Date.now() + waitMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${waitMs} ms for ${what}`);
    await pause(50);
  }
}

/** Resolves after that time. */
export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** True when a TCP port of this host takes connections. */
export async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset) return false;
    throw error;
  }
}

/** An offset at which all service ports are free. */
export function freeOffset(): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const offset = 20_000 + Math.floor(Math.random() * 10_000);
    try {
      for (const port of Object.values(SERVICE_PORTS)) {
        Deno.listen({ hostname: "127.0.0.1", port: port + offset }).close();
      }
      return offset;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("no free ports");
}
