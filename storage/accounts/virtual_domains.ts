/**
 * Which domains are ours, and what each is: control/locals, control/virtualdomains, users/cdb and the domains' folders
 * [spec formats 7]. Changes of those files are seen within a second, or at `reread`.
 */
import { latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { Paths } from "../../core/paths.ts";
import { CdbFile } from "../cdb/reader.ts";
import { ControlFiles } from "../control/control.ts";
import { findUser, type LocalUser } from "../users/users_cdb.ts";

/** What a domain is to this host. */
export type DomainRoute =
  /** None of ours. */
  | { readonly kind: "none" }
  /** In control/locals: its users are the system's. */
  | { readonly kind: "local" }
  /** A virtual domain whose users are in the database. */
  | { readonly kind: "virtual"; readonly domain: VirtualDomain }
  /** Mail of the domain goes to a local user as `prefix-local` (qmail's own kind of virtual domain). */
  | { readonly kind: "prefixed"; readonly prefix: string };

/** A domain with users in the database. */
export interface VirtualDomain {
  /** The name that its users have; of an alias domain the one that it points to. */
  readonly name: string;
  /** Folder of its .qmail-default and kin, links resolved. */
  readonly directory: string;
  readonly uid: number;
  readonly gid: number;
}

/** What the folder of a virtual domain does with mail for nobody [spec formats 6]. */
export type Fallback = "bounce" | "delete" | "deliver";

const FRESH_MS = 1000;
const FILES = ["virtualdomains", "locals", "me"] as const;
const NONE: DomainRoute = { kind: "none" };
const LOCAL: DomainRoute = { kind: "local" };
/** Domains whose routes are kept; asked for by strangers, so it has a limit. */
const ROUTES_MAX = 50_000;
/** [rfc5321 4.5.3.1.2] */
const DOMAIN_CHARACTERS_MAX = 255;

/** The domains of one installation. */
export class VirtualDomains {
  readonly #control: ControlFiles;
  readonly #usersCdb: CdbFile;
  readonly #now: () => number;
  #routes = new Map<string, DomainRoute>();
  #virtual = new Map<string, string>();
  #locals = new Set<string>();
  #checkedMs = -Infinity;
  #stamp = "";

  constructor(paths: Paths, options: { readonly nowMs?: () => number } = {}) {
    this.#control = new ControlFiles(paths.control);
    this.#usersCdb = new CdbFile(`${paths.users}/cdb`);
    this.#now = options.nowMs ?? Date.now;
  }

  /** Forgets everything read. */
  reread(): void {
    this.#checkedMs = -Infinity;
    this.#stamp = "";
  }

  /** Reads again what has changed; true when something had. Throws Temporary when a file cannot be read. */
  refresh(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#checkedMs < FRESH_MS) return false;
    const stamp = [...FILES.map((name) => `${this.#control.directory}/${name}`), this.#usersCdb.path].map(stampOf)
      .join();
    this.#checkedMs = nowMs;
    if (stamp === this.#stamp) return false;
    this.#control.reread();
    this.#locals = new Set(lower(this.#control.lines("locals") ?? [this.#control.line("me") ?? ""]));
    this.#virtual = new Map();
    for (const line of this.#control.lines("virtualdomains") ?? []) {
      const colon = line.indexOf(":");
      const key = (colon < 0 ? line : line.slice(0, colon)).toLowerCase();
      if (!this.#virtual.has(key)) this.#virtual.set(key, colon < 0 ? "" : line.slice(colon + 1));
    }
    this.#routes = new Map();
    this.#stamp = stamp;
    return true;
  }

  /** What the domain of an address is; entries for single addresses win [man qmail-send.9]. */
  route(local: string, domain: string): DomainRoute {
    this.refresh();
    const single = this.#virtual.size > 0 ? this.#virtual.get(`${local}@${domain}`) : undefined;
    if (single !== undefined) return this.#routeOfPrefix(single);
    const kept = this.#routes.get(domain);
    if (kept) return kept;
    if (domain.length > DOMAIN_CHARACTERS_MAX) return NONE; // no domain: nor is it kept
    const route = this.#locals.has(domain) ? LOCAL : this.#routeOfPrefix(this.#prefixOf(domain));
    if (this.#routes.size >= ROUTES_MAX) this.#routes.clear();
    this.#routes.set(domain, route);
    return route;
  }

  /** The user that a local part belongs to by users/cdb. */
  findUser(local: string): LocalUser | undefined {
    const cdb = this.#usersCdb.current();
    return cdb && findUser(cdb, local);
  }

  /** Domains with an entry of their own in virtualdomains. */
  names(): readonly string[] {
    this.refresh();
    return [...this.#virtual.keys()].filter((key) => key !== "" && !key.startsWith(".") && !key.includes("@"));
  }

  /** The domain itself, then .suffixes, then the empty entry. An empty prefix is an exception: not ours. */
  #prefixOf(domain: string): string | undefined {
    for (let key = domain;;) {
      const prefix = this.#virtual.get(key);
      if (prefix !== undefined) return prefix;
      if (key === "") return undefined;
      const dot = key.indexOf(".", 1);
      key = dot < 0 ? "" : key.slice(dot);
    }
  }

  #routeOfPrefix(prefix: string | undefined): DomainRoute {
    if (prefix === undefined || prefix === "") return NONE;
    const user = this.findUser(`${prefix}-`);
    if (!user || user.ext !== "" || user.dash !== "-") return { kind: "prefixed", prefix };
    const directory = realDirectory(user.home);
    if (directory === undefined || readFallback(directory) === undefined) return { kind: "prefixed", prefix };
    const name = directory.slice(directory.lastIndexOf("/") + 1).toLowerCase();
    return { kind: "virtual", domain: { name, directory, uid: user.uid, gid: user.gid } };
  }
}

/**
 * What .qmail-default of a folder says: undefined when there is none or it does not hand over to vdelivermail or vfilter
 * (then the domain's users are not in the database).
 */
export function readFallback(directory: string): Fallback | undefined {
  const text = tryReadText(`${directory}/.qmail-default`);
  const line = text?.split("\n").find((one) => /^\|\s*\S*(?:vdelivermail|vfilter)\s/.test(one));
  if (line === undefined) return undefined;
  const last = line.trim().split(/\s+/).at(-1)?.replace(/^(['"])(.*)\1$/, "$2");
  return last === "bounce-no-mailbox" ? "bounce" : last === "delete" ? "delete" : "deliver";
}

/** Whether a folder has a .qmail file for an extension: the exact one or a default of one of its beginnings [man dot-qmail.9]. */
export function hasDotQmail(directory: string, extension: string): boolean {
  const ext = extension.toLowerCase().replaceAll(".", ":").replaceAll("/", ":");
  if (stampOf(`${directory}/.qmail-${ext}`) !== "") return true;
  for (let dash = ext.lastIndexOf("-"); dash >= 0; dash = dash === 0 ? -1 : ext.lastIndexOf("-", dash - 1)) {
    if (stampOf(`${directory}/.qmail-${ext.slice(0, dash)}-default`) !== "") return true;
  }
  return false;
}

function lower(lines: readonly string[]): string[] {
  return lines.map((line) => line.toLowerCase()).filter((line) => line !== "");
}

/** Inode, size and time of a file; empty when it is absent. */
function stampOf(path: string): string {
  try {
    const stat = Deno.statSync(path);
    return `${stat.ino}.${stat.size}.${stat.mtime?.getTime()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw new Temporary(`cannot look at ${path}: ${(error as Error).message}`);
  }
}

function realDirectory(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Temporary(`cannot look at ${path}: ${(error as Error).message}`);
  }
}

function tryReadText(path: string): string | undefined {
  try {
    return latin1Text(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Temporary(`cannot read ${path}: ${(error as Error).message}`);
  }
}
