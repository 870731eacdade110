/**
 * Runs programs of ours inside another one: what tcpserver does with a program that declares `hosted`, in place of a
 * process for each connection. The hosted program sees the connection as its standard input and output, and an
 * environment of its own. A chain (rblsmtpd qmail-smtpd) runs link by link.
 */
import type { Applet, Env, OptionSpecs, Proc } from "./applet.ts";
import { Temporary } from "./errors.ts";
import { EXIT_DIALECTS } from "./exits.ts";
import { exitCodeOf, failureText } from "./failure.ts";
import { parseOptions } from "./options.ts";
import type { Connection } from "./stream.ts";

/** Most programs in one chain. */
const CHAIN_MAX = 20;

/** What a hosted program is given. */
export interface HostedCall {
  /** Program and arguments. */
  readonly argv: readonly string[];
  readonly connection: Connection;
  readonly env: Readonly<Record<string, string>>;
}

/** The next program of a chain. */
class Handover extends Error {
  override name = "Handover";
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>> | undefined;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>> | undefined) {
    super(`handed over to ${argv[0]}`);
    this.argv = argv;
    this.env = env;
  }
}

/** True when every program of the command line is ours and can run inside this process. Loads them. */
export async function canHost(host: Pick<Proc, "applet">, argv: readonly string[]): Promise<boolean> {
  let rest = argv;
  for (let link = 0; link < CHAIN_MAX; link++) {
    const [name, ...args] = rest;
    const applet = name === undefined ? undefined : await host.applet(name);
    if (!applet?.hosted) return false;
    if (applet.hosted === "serves") return true;
    try {
      const before = Math.max(0, (applet.operands?.length ?? 0) - 1); // the last operand is the program
      rest = parseOptions(applet, args).args.slice(before);
    } catch {
      return false; // a process of its own says what is wrong
    }
  }
  return false;
}

function hostedEnv(applet: Applet, values: Readonly<Record<string, string>>): Env {
  return {
    get(name) {
      if (applet.env && name in applet.env) return values[name];
      throw new Error(`${applet.names[0]} reads the environment variable ${name} without declaring it`);
    },
    all: () => values,
  };
}

/**
 * Runs a command line of hosted programs; the exit code. What it throws is printed as if it were a process. Handlers of
 * signals are ignored: the host has them; `stopping` is the host's.
 */
export async function runHosted(host: Proc, call: HostedCall): Promise<number> {
  let { argv, env } = call;
  for (let link = 0; link < CHAIN_MAX; link++) {
    const [name = "", ...args] = argv;
    const applet = await host.applet(name);
    if (!applet?.hosted) throw new Temporary(`${name} cannot run inside ${host.name}`);
    try {
      return await runOne(host, { applet, name, args, env, connection: call.connection });
    } catch (error) {
      if (error instanceof Handover) {
        argv = error.argv;
        env = error.env ?? env;
        continue;
      }
      await host.stderr.write(new TextEncoder().encode(await failureText(error, name, applet)));
      return exitCodeOf(error, EXIT_DIALECTS[applet.dialect]);
    }
  }
  throw new Temporary(`a chain of more than ${CHAIN_MAX} programs`);
}

interface Link {
  readonly applet: Applet;
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly connection: Connection;
}

async function runOne(host: Proc, { applet, name, args: given, env, connection }: Link): Promise<number> {
  const { options, args } = parseOptions(applet, given);
  const proc: Proc<OptionSpecs> = {
    name,
    options,
    args,
    env: hostedEnv(applet, env),
    paths: host.paths,
    stdin: connection,
    stdout: connection,
    stderr: host.stderr,
    fd: host.fd,
    connection,
    log: host.log,
    clock: host.clock,
    uid: host.uid,
    pid: host.pid,
    spawn: (request) => host.spawn({ ...request, env: request.env ?? env }),
    exec(program, programArgs, programEnv): never {
      throw new Handover([program, ...programArgs], programEnv);
    },
    stopping: host.stopping,
    onSignal() {},
    applet: (program) => host.applet(program),
    readPassword: () => Promise.resolve(undefined),
  };
  return await applet.run(proc) ?? EXIT_DIALECTS[applet.dialect].ok;
}
