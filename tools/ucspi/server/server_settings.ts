/** What tcpserver was asked for, resolved once from options, operands and environment [man tcpserver.1]. */
import type { Proc } from "../../../core/applet.ts";
import { utf8Bytes } from "../../../core/bytes.ts";
import { Temporary, Usage } from "../../../core/errors.ts";
import { lazyResolver } from "../peer/lazy_resolver.ts";
import { numberOption } from "../peer/number_option.ts";
import type { FactSettings } from "../peer/peer_environment.ts";
import { portNumber } from "../peer/port_number.ts";
import type { SERVER_OPTIONS } from "./server_options.ts";

const LIMIT_DEFAULT = 40;
const PER_HOST_DEFAULT = 20;
const BACKLOG_DEFAULT = 128;
const INFO_SECONDS_DEFAULT = 26;
const IDLE_SECONDS_DEFAULT = 300;
const HANDSHAKE_SECONDS_DEFAULT = 60;
/** Connections at the same time, whatever is asked for. */
const LIMIT_MAX = 100_000;
const SECONDS_MAX = 1_000_000;

/** Errors only with 1, nothing with 0, status with 2, the table of connections with 3. */
export type Verbosity = 0 | 1 | 2 | 3;

/** A server's settings. */
export interface ServerSettings {
  readonly verbosity: Verbosity;
  /** Connections at the same time. */
  readonly limit: number;
  /** Where the limit is read from again at HUP. */
  readonly limitFile: string | undefined;
  /** Connections of one peer; 0: no limit. */
  readonly perHost: number;
  readonly rules: string | undefined;
  readonly rulesMayBeAbsent: boolean;
  readonly banner: Uint8Array;
  readonly noDelay: boolean;
  readonly keepIpOptions: boolean;
  readonly printPort: boolean;
  readonly backlog: number;
  readonly facts: FactSettings;
  /** Silence that ends a TLS connection; also what a program inside waits for its peer, where `idleGiven`. */
  readonly idleMs: number;
  readonly idleGiven: boolean;
  readonly handshakeMs: number;
  /** A path: a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Program and arguments. */
  readonly argv: readonly string[];
}

/** A program with tcpserver's options. */
export type ServerProc = Proc<typeof SERVER_OPTIONS>;

/** Reads the limit of -c's file. Throws Temporary. */
export function readLimitFile(path: string): number {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    throw new Temporary(`unable to read ${path}`);
  }
  const number = Number(text.split("\n", 1)[0]!.trim());
  if (!Number.isInteger(number) || number < 1) throw new Temporary(`${path} does not hold a number of connections`);
  return Math.min(number, LIMIT_MAX);
}

function verbosityOf({ options }: ServerProc): Verbosity {
  if (options.quiet) return 0;
  return options.table ? 3 : options.verbose ? 2 : 1;
}

/** The settings. Throws Usage or Temporary. */
export function serverSettings(proc: ServerProc): ServerSettings {
  const { options, env } = proc;
  const [host = "", ...rest] = proc.args;
  const isUnix = host.startsWith("/");
  const argv = isUnix ? rest : rest.slice(1);
  if (argv.length === 0) throw new Usage("missing prog");
  const port = isUnix ? 0 : portNumber(rest[0] ?? "");
  const perHost = options.perHost ?? (env.get("MAXPERIP") || String(PER_HOST_DEFAULT));
  const limitFile = options.limit !== undefined && !/^\d+$/.test(options.limit) ? options.limit : undefined;
  const limit = limitFile === undefined
    ? numberOption("-c", options.limit ?? String(LIMIT_DEFAULT), LIMIT_MAX)
    : readLimitFile(limitFile);
  if (limit < 1) throw new Usage("option -c: no connection would ever be served");
  const seconds = (option: string, text: string | undefined, absent: number) =>
    1000 * (text === undefined ? absent : numberOption(option, text, SECONDS_MAX));
  return {
    verbosity: verbosityOf(proc),
    limit,
    limitFile,
    perHost: numberOption("-C", perHost, LIMIT_MAX),
    rules: isUnix ? undefined : options.rules,
    rulesMayBeAbsent: options.rulesMayBeAbsent,
    banner: utf8Bytes(options.banner ?? ""),
    noDelay: options.noDelay,
    keepIpOptions: options.keepIpOptions,
    printPort: options.printPort && !isUnix,
    backlog: options.backlog === undefined ? BACKLOG_DEFAULT : numberOption("-b", options.backlog, 65_535),
    facts: {
      lookupHost: !options.noHost,
      paranoid: options.paranoid,
      lookupInfo: !options.noInfo,
      infoTimeoutMs: seconds("-t", options.infoTimeout, INFO_SECONDS_DEFAULT),
      localName: options.localName,
      family: options.onlyIpv4 ? "ipv4" : options.forceIpv6 ? "ipv6" : "any",
      networkInterface: options.networkInterface,
      resolver: lazyResolver(env.get("DNSCACHEIP")),
    },
    idleMs: seconds("-T", options.idle, IDLE_SECONDS_DEFAULT),
    idleGiven: options.idle !== undefined,
    handshakeMs: seconds("-S", options.handshake, HANDSHAKE_SECONDS_DEFAULT),
    host,
    port,
    argv,
  };
}
