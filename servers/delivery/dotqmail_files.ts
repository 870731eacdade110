/**
 * Finds and reads .qmail files. Which names a folder holds is kept while its mtime stays, so that the common case, one
 * .qmail-default for a whole domain, costs two stats a delivery; the daemon believes a look for TRUST_MS.
 */
import { latin1Text } from "../../core/bytes.ts";
import { type DotQmail, dotQmailNames, parseDotQmail } from "../../mail/dotqmail/parse.ts";

/** A .qmail file that was found. */
export interface FoundDotQmail {
  readonly name: string;
  /** The part of the extension that `default` stands for. */
  readonly matched: string | undefined;
  readonly content: DotQmail;
  readonly empty: boolean;
  /** Only forwards are allowed (x bit). */
  readonly forwardOnly: boolean;
}

/** What looking for a file came to; `unsafe` texts are the original's. */
export type DotQmailSearch =
  | { readonly kind: "found"; readonly file: FoundDotQmail }
  | { readonly kind: "none" }
  | { readonly kind: "wait"; readonly text: string };

/** A folder's mtime younger than this may still change unseen: its listing is not kept. */
const SETTLED_MS = 2000;
/** How long the daemon believes what it has just seen of a folder or file: less than an editor needs to write it. */
export const TRUST_MS = 20;
/** Folders and files kept. */
const KEPT_MAX = 10_000;
/** Largest .qmail file. */
const DOT_QMAIL_BYTES_MAX = 4 * 1024 * 1024;

const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;
const OWNER_EXECUTES = 0o100;

/** The .qmail files of all homes. */
export class DotQmailFiles {
  readonly #folders = new Map<
    string,
    { readonly modifiedMs: number; readonly names: ReadonlySet<string>; checkedMs: number }
  >();
  readonly #files = new Map<string, { readonly stamp: string; readonly file: FoundDotQmail; checkedMs: number }>();
  readonly #nowMs: () => number;
  readonly #trustMs: number;

  constructor(nowMs: () => number, options: { readonly trustMs?: number } = {}) {
    this.#nowMs = nowMs;
    this.#trustMs = options.trustMs ?? 0;
  }

  #isTrusted(kept: { readonly checkedMs: number }): boolean {
    const ageMs = this.#nowMs() - kept.checkedMs;
    return ageMs >= 0 && ageMs < this.#trustMs;
  }

  /** The file for an extension in a home, or why delivery must wait. */
  find(home: string, dash: string, ext: string): DotQmailSearch {
    const names = this.#names(home);
    if (typeof names === "string") return { kind: "wait", text: names };
    for (const { name, matched } of dotQmailNames(dash, ext)) {
      if (names.has(name)) return this.#read(home, name, matched);
    }
    return { kind: "none" };
  }

  /** Whether a home holds `.qmail` + dash + ext + suffix, as for -owner. */
  has(home: string, name: string): boolean {
    const names = this.#names(home);
    return typeof names !== "string" && names.has(name);
  }

  /** Whether a home holds a file, whatever the modes; false for a home that is not there. */
  holds(home: string, name: string): boolean {
    const seen = this.#folders.get(home);
    if (seen && this.#isTrusted(seen)) return seen.names.has(name);
    try {
      return this.#listed(home, Deno.statSync(home)).has(name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  #names(home: string): ReadonlySet<string> | string {
    const seen = this.#folders.get(home);
    if (seen && this.#isTrusted(seen)) return seen.names;
    let stat: Deno.FileInfo;
    try {
      stat = Deno.statSync(home);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return `Home directory ${home} does not exist. (#4.3.0)`;
      return `Unable to look at home directory ${home}: ${(error as Error).message}. (#4.3.0)`;
    }
    const mode = stat.mode ?? 0;
    if (mode & OTHERS_WRITE) return "Uh-oh: home directory is writable. (#4.7.0)";
    if (mode & STICKY) return "Home directory is sticky: user is editing his .qmail file. (#4.2.1)";
    const names = this.#listed(home, stat);
    const kept = this.#folders.get(home);
    if (kept) kept.checkedMs = this.#nowMs();
    return names;
  }

  /** The names that begin with .qmail, of memory while the folder has not changed. */
  #listed(home: string, stat: Deno.FileInfo): ReadonlySet<string> {
    const modifiedMs = stat.mtime?.getTime() ?? 0;
    const kept = this.#folders.get(home);
    if (kept?.modifiedMs === modifiedMs) return kept.names;
    this.#folders.delete(home);
    const names = new Set<string>();
    for (const entry of Deno.readDirSync(home)) if (entry.name.startsWith(".qmail")) names.add(entry.name);
    if (this.#nowMs() - modifiedMs > SETTLED_MS) {
      if (this.#folders.size >= KEPT_MAX) this.#folders.clear();
      this.#folders.set(home, { modifiedMs, names, checkedMs: Number.NEGATIVE_INFINITY });
    }
    return names;
  }

  #read(home: string, name: string, matched: string | undefined): DotQmailSearch {
    const path = `${home}/${name}`;
    const seen = this.#files.get(path);
    if (seen && this.#isTrusted(seen)) return { kind: "found", file: { ...seen.file, matched } };
    const stat = Deno.statSync(path);
    const mode = stat.mode ?? 0;
    if (mode & OTHERS_WRITE) return { kind: "wait", text: "Uh-oh: .qmail file is writable. (#4.7.0)" };
    if (stat.size > DOT_QMAIL_BYTES_MAX) return { kind: "wait", text: `${path} is larger than 4 MB. (#4.3.0)` };
    const stamp = `${stat.ino}.${stat.size}.${stat.mtime?.getTime()}.${mode}`;
    if (seen?.stamp === stamp) {
      seen.checkedMs = this.#nowMs();
      return { kind: "found", file: { ...seen.file, matched } };
    }
    this.#files.delete(path);
    const text = latin1Text(Deno.readFileSync(path));
    const content = parseDotQmail(text);
    if (content.firstLineBlank) return { kind: "wait", text: "Uh-oh: first line of .qmail file is blank. (#4.2.1)" };
    const file: FoundDotQmail = {
      name,
      matched,
      content,
      empty: text.length === 0,
      forwardOnly: (mode & OWNER_EXECUTES) !== 0,
    };
    if (this.#nowMs() - (stat.mtime?.getTime() ?? 0) > SETTLED_MS) {
      if (this.#files.size >= KEPT_MAX) this.#files.clear();
      this.#files.set(path, { stamp, file, checkedMs: this.#nowMs() });
    }
    return { kind: "found", file };
  }
}
