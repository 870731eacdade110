/** What `serve` is asked to do, resolved once from options and the system: root, addresses, domain, accounts. */
import type { Clock } from "../../core/applet.ts";
import { Temporary, Usage } from "../../core/errors.ts";
import { tryParseIp } from "../../core/ip_address.ts";
import { isPortTaken } from "../../core/libc/socket.ts";
import type { GetEnv, Paths } from "../../core/paths.ts";
import { resolvePaths } from "../../core/paths.ts";

/** The services that listen on TCP, by role, with their well-known ports [rfc6335 6]. */
export const SERVICE_PORTS = {
  smtp: 25,
  submission: 587,
  smtps: 465,
  imap: 143,
  imaps: 993,
  pop3: 110,
  pop3s: 995,
} as const;

/** A service's name. */
export type ServiceName = keyof typeof SERVICE_PORTS;

/** Added to the ports of an ordinary user's installation: 2025, 2587, … */
export const USER_PORT_OFFSET = 2000;
const PORT_MAX = 65_535;

/** Options of serve as they were given. */
export interface ServeOptions {
  readonly root: string | undefined;
  readonly domain: string | undefined;
  readonly listen: string | undefined;
  readonly portOffset: string | undefined;
  readonly accounts: boolean;
}

/** What serve finds on this system. */
export interface ServeSystem {
  readonly uid: number;
  readonly hostName: string;
  readonly directory: string;
  readonly env: GetEnv;
  /** The kernel has IPv6, so that [::] is all addresses of both kinds. */
  readonly ipv6: boolean;
}

/** The settings of one run. */
export interface ServeSettings {
  readonly paths: Paths;
  readonly domain: string;
  readonly host: string;
  readonly listen: string;
  readonly portOffset: number;
  /** Roles run as the original's accounts. */
  readonly accounts: boolean;
}

/** A host name that may stand in control/me: letters, digits, hyphens and dots, at most 253 [rfc1035 2.3.4]. */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** The paths of an installation named on the command line, or `current` when none is. */
export function pathsOf(
  root: string | undefined,
  current: Paths,
  system: Pick<ServeSystem, "directory" | "env">,
): Paths {
  if (root === undefined) return current;
  if (root === "") throw new Usage("--root needs a folder");
  return resolvePaths(root.startsWith("/") ? root : `${system.directory}/${root}`, system.env);
}

/** Resolves the options; throws Usage for what cannot be. */
export function resolveSettings(options: ServeOptions, current: Paths, system: ServeSystem): ServeSettings {
  const paths = pathsOf(options.root, current, system);
  const systemWide = paths.root === "/" && system.uid === 0;
  if (options.accounts && system.uid !== 0) {
    throw new Usage("--accounts needs root: only root can change to an account");
  }
  const qualified = system.hostName.includes(".") ? system.hostName : `${system.hostName || "mail"}.localdomain`;
  const domain = (options.domain ?? qualified).toLowerCase();
  if (!HOST_NAME.test(domain)) throw new Usage(`${domain} is not a domain name`);
  const portOffset = options.portOffset === undefined
    ? (systemWide ? 0 : USER_PORT_OFFSET)
    : Number(options.portOffset);
  const highest = Math.max(...Object.values(SERVICE_PORTS));
  if (!Number.isInteger(portOffset) || portOffset < 0 || portOffset + highest > PORT_MAX) {
    throw new Usage(`--port-offset must be a number from 0 to ${PORT_MAX - highest}`);
  }
  return Object.freeze({
    paths,
    domain,
    host: HOST_NAME.test(qualified) ? qualified.toLowerCase() : domain,
    listen: options.listen ?? (systemWide ? (system.ipv6 ? "::" : "0.0.0.0") : "127.0.0.1"),
    portOffset,
    accounts: options.accounts || systemWide,
  });
}

/** How long a server that was killed a moment ago may hold its ports, and how often to look. */
const PORTS_WAIT_MS = 5000;
const PORTS_POLL_MS = 100;

/** Throws Temporary naming the ports that somebody else listens on, and goes on doing so: roles would start again and again. */
export async function checkPorts(settings: Pick<ServeSettings, "listen" | "portOffset">, clock: Clock): Promise<void> {
  const endMs = clock.nowMs() + PORTS_WAIT_MS;
  let taken = takenPorts(settings);
  while (taken.length > 0 && clock.nowMs() < endMs) {
    await clock.sleep(PORTS_POLL_MS);
    taken = takenPorts(settings);
  }
  if (taken.length === 0) return;
  throw new Temporary(
    `somebody listens on ports of ${settings.listen} already (${taken.join(", ")}): stop that (ss -ltnp shows it), ` +
      "or take others by --port-offset",
  );
}

function takenPorts({ listen, portOffset }: Pick<ServeSettings, "listen" | "portOffset">): string[] {
  if (!tryParseIp(listen)) return [];
  return Object.entries(SERVICE_PORTS).flatMap(([name, wellKnown]) => {
    const port = wellKnown + portOffset;
    // what else may be wrong with a port is the role's to say, with its own rights
    return isPortTaken(listen, port) ? [`${name} ${port}`] : [];
  });
}
