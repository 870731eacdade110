/**
 * The applet contract: what a program declares of itself and what it is given when it runs. From the declaration come
 * dispatch, --help, manual page, completion, symlinks and the tables of environment and control files.
 */
import type { ExitDialectName } from "./exits.ts";
import type { Logger } from "./log.ts";
import type { Paths } from "./paths.ts";
import type { RoleName } from "./role.ts";
import type { ByteReader, ByteWriter, Connection } from "./stream.ts";

/** One option of a program. A `value` names its argument (and makes it take one); without it the option is a switch. */
export interface OptionSpec {
  /** The letter: `q` for `-q`. */
  readonly flag?: string;
  /** The long name without dashes, for programs of our own: `root` for `--root`. */
  readonly long?: string;
  /** What the argument is, with its unit: `bytes`, `seconds`, `file`. */
  readonly value?: string;
  /**
   * With value, for long names: what is meant when the argument is left out, which then can only follow `=`
   * (`--check-certs`, `--check-certs=file`).
   */
  readonly bare?: string;
  /** What happens when it is absent, as a text for the manual page. */
  readonly default?: string;
  /** May be given several times: the result is a list (or, for a switch, a count). */
  readonly repeat?: boolean;
  /** With repeat: its values stand in the list of that other option, each with the flag before it (`-a value`), in order. */
  readonly joins?: string;
  /** Names of options that count as absent when this one comes after them: -R after -r. */
  readonly cancels?: readonly string[];
  readonly help: string;
}

/** The options of a program by the name its code uses. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What an option's value is, by its declaration. */
export type OptionValue<S extends OptionSpec> = S extends { value: string }
  ? (S extends { repeat: true } ? readonly string[] : string | undefined)
  : (S extends { repeat: true } ? number : boolean);

/** The parsed options of a program. */
export type OptionValues<O extends OptionSpecs> = { readonly [K in keyof O]: OptionValue<O[K]> };

/** One operand. At most the last may repeat; optional ones come last. */
export interface OperandSpec {
  readonly name: string;
  readonly help: string;
  readonly optional?: boolean;
  readonly repeat?: boolean;
}

/** What a program declares of itself. */
export interface AppletDeclaration<O extends OptionSpecs> {
  /** Its names; the first is the manual page's. */
  readonly names: readonly [string, ...string[]];
  /** Section of the manual. */
  readonly section: 1 | 3 | 5 | 7 | 8;
  /** One line, lower case, no full stop: "create a virtual domain". */
  readonly summary: string;
  readonly role: RoleName;
  readonly dialect: ExitDialectName;
  /** Runs for long, in a Worker with its role's permissions. */
  readonly daemon?: boolean;
  /**
   * It can run inside a listener of ours, once for each connection and many at a time (core/hosted.ts): it touches nothing
   * but its Proc. "serves": it talks on proc.connection, or on stdin and stdout; it never calls exec. "chain": it prepares
   * the environment and calls exec with its last operand, which repeats.
   */
  readonly hosted?: "serves" | "chain";
  readonly options: O;
  readonly operands?: readonly OperandSpec[];
  /** Options end at the first operand (programs that start another program). */
  readonly stopsAtOperand?: boolean;
  /** The arguments are not parsed at all: proc.args is as given. The synopsis must then be given. */
  readonly rawArguments?: boolean;
  /** Only where it cannot be made of options and operands. */
  readonly synopsis?: string;
  /** Paragraphs for the manual page, separated by empty lines. */
  readonly description: string;
  /** Environment variables that it reads, each with meaning, unit and default. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names of control files that it reads. */
  readonly control?: readonly string[];
  /** Exit codes, where they say more than the dialect. */
  readonly exits?: Readonly<Record<string, string>>;
  /** Other files: path and meaning. */
  readonly files?: Readonly<Record<string, string>>;
  readonly examples?: readonly { readonly command: string; readonly help: string }[];
  readonly seeAlso?: readonly string[];
  /** Sources in greppable form: "[man vadddomain.9]", "[rfc5321 4.5.3.1]". */
  readonly source: readonly string[];
  /** Runs the program; the number is the exit code, nothing is the dialect's ok. */
  run(proc: Proc<O>): Promise<number | void>;
}

/** A program, any options. */
// deno-lint-ignore no-explicit-any -- the registry holds applets of every option type; core/main.ts parses before it runs
export type Applet = AppletDeclaration<any>;

/** Declares a program; gives the declaration back with its types checked. */
export function defineApplet<const O extends OptionSpecs>(declaration: AppletDeclaration<O>): AppletDeclaration<O> {
  return declaration;
}

/** A row of the generated table of programs. */
export interface AppletEntry {
  readonly names: readonly string[];
  readonly room: string;
  readonly role: RoleName;
  readonly section: number;
  readonly summary: string;
  readonly daemon: boolean;
  load(): Promise<{ readonly applet: Applet }>;
}

/** Environment as an applet sees it. */
export interface Env {
  /** The variable's value; throws when the applet does not declare it (a bug). */
  get(name: string): string | undefined;
  /** All variables, for programs that hand their environment to another. */
  all(): Readonly<Record<string, string>>;
}

/** The time, so that tests can set it. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Resolves after that time, or rejects when the signal aborts. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}

/** How a child process is started; descriptors not named are closed in the child. */
export interface SpawnOptions {
  /** Program: a path with a slash, or a name looked up in PATH. */
  readonly program: string;
  /** argv, without argv[0]. */
  readonly args: readonly string[];
  readonly argv0?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Numbers of our descriptors by the number they get in the child; "pipe-in" and "pipe-out" make a pipe. */
  readonly fds?: Readonly<Record<number, number | "null" | "pipe-in" | "pipe-out">>;
  readonly newSession?: boolean;
  /** `ended` never settles: the caller finds out itself (core/libc/children.ts), without a pool thread for each child. */
  readonly unwaited?: boolean;
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups?: readonly number[] };
}

/** How a process ended: its exit code, or the signal that killed it. */
export interface ProcessEnd {
  readonly code: number;
  readonly signal: number;
}

/** A running child. */
export interface ChildProcess {
  readonly pid: number;
  /** Writers of the pipes asked for as "pipe-in", by child descriptor. */
  readonly writers: ReadonlyMap<number, ByteWriter & { close(): void }>;
  /** Readers of the pipes asked for as "pipe-out", by child descriptor. */
  readonly readers: ReadonlyMap<number, ByteReader & { close(): void }>;
  readonly ended: Promise<ProcessEnd>;
  kill(signal: Deno.Signal): void;
}

/** The whole world of a running program. */
export interface Proc<O extends OptionSpecs = OptionSpecs> {
  /** The name it was called by. */
  readonly name: string;
  readonly options: OptionValues<O>;
  /** Operands (all arguments with rawArguments). */
  readonly args: readonly string[];
  readonly env: Env;
  readonly paths: Paths;
  readonly stdin: ByteReader;
  readonly stdout: ByteWriter;
  readonly stderr: ByteWriter;
  /** An inherited descriptor: a pipe, file or socket. */
  fd(number: number): ByteReader & ByteWriter & { close(): void };
  /** Set when the program serves one connection inside a listener; stdin and stdout are then this connection. */
  readonly connection?: Connection;
  readonly log: Logger;
  readonly clock: Clock;
  readonly uid: number;
  readonly pid: number;
  spawn(options: SpawnOptions): Promise<ChildProcess>;
  /** Replaces this process; never returns. Throws when the program cannot be executed. */
  exec(program: string, args: readonly string[], env?: Readonly<Record<string, string>>): never;
  /** Aborts when the process is asked to end (TERM, INT); a daemon stops cleanly then. */
  readonly stopping: AbortSignal;
  /** Calls `handler` at each such signal, until the program ends. */
  onSignal(signal: Deno.Signal, handler: () => void): void;
  /** Another program of ours by name, to run inside this process. */
  applet(name: string): Promise<Applet | undefined>;
  /** Reads a line from the terminal without echo; undefined when there is no terminal. */
  readPassword(prompt: string): Promise<string | undefined>;
}
