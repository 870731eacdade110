/**
 * The control files that a virtual domain stands in: virtualdomains, rcpthosts or morercpthosts, chkrcptdomains; and it
 * stands not in locals [man vadddomain.9]. What is compiled is written before its text, so that a crash between both leaves
 * a text by which the next call does it again. The caller holds the lock.
 */
import { latin1Bytes } from "../../../core/bytes.ts";
import { writeCdb } from "../../cdb/writer.ts";
import type { Disk } from "../../disk.ts";
import { addLine, readLineFile, removeLines, writeLineFile } from "../line_file.ts";

/** Lines of rcpthosts above which new domains go to morercpthosts [man qmail-newmrh.9]. */
const RCPTHOSTS_LINES_MAX = 50;

function isDomain(domain: string): (line: string) => boolean {
  return (line) => line.trim().toLowerCase() === domain;
}

/** The domains' entries in one folder of control files. */
export class DomainControl {
  readonly #disk: Disk;
  readonly #control: string;

  constructor(disk: Disk, control: string) {
    this.#disk = disk;
    this.#control = control;
  }

  /** Whether mail for the domain is accepted and finds its way: what add() does last. */
  async has(domain: string): Promise<boolean> {
    for (const name of ["rcpthosts", "morercpthosts"]) {
      if ((await this.#lines(name)).some(isDomain(domain))) return true;
    }
    return false;
  }

  /** Mail comes from now on: out of locals, into virtualdomains, then into rcpthosts. */
  async add(domain: string, options: { readonly checkRecipients?: boolean } = {}): Promise<void> {
    await this.#notSystemUsers(domain);
    await addLine(this.#disk, this.#path("virtualdomains"), `${domain}:${domain}`);
    if (options.checkRecipients) await addLine(this.#disk, this.#path("chkrcptdomains"), domain);
    if (await this.has(domain)) return;
    const hosts = await this.#lines("rcpthosts");
    if (hosts.length < RCPTHOSTS_LINES_MAX) return await this.#write("rcpthosts", [...hosts, domain]);
    await this.#writeMoreHosts([...await this.#lines("morercpthosts"), domain]);
  }

  /** Mail comes from now on for many domains at once: as add, with each file written once. */
  async addAll(domains: readonly { readonly domain: string; readonly checkRecipients: boolean }[]): Promise<void> {
    for (const { domain } of domains) await this.#notSystemUsers(domain);
    const missing = async (name: string, lines: readonly string[]) => {
      const there = await this.#lines(name);
      const known = new Set(there);
      const added = lines.filter((line) => !known.has(line));
      if (added.length > 0) await this.#write(name, [...there, ...added]);
    };
    await missing("virtualdomains", domains.map(({ domain }) => `${domain}:${domain}`));
    await missing("chkrcptdomains", domains.filter((one) => one.checkRecipients).map(({ domain }) => domain));
    const [few, more] = [await this.#lines("rcpthosts"), await this.#lines("morercpthosts")];
    const hosts = new Set([...few, ...more].map((line) => line.trim().toLowerCase()));
    const added = domains.map(({ domain }) => domain).filter((domain) => !hosts.has(domain));
    const room = Math.max(0, RCPTHOSTS_LINES_MAX - few.length);
    if (added.length > room) await this.#writeMoreHosts([...more, ...added.slice(room)]);
    if (added.length > 0 && room > 0) await this.#write("rcpthosts", [...few, ...added.slice(0, room)]);
  }

  /** All domains that mail is accepted for, in lower case. */
  async accepted(): Promise<ReadonlySet<string>> {
    const lines = [...await this.#lines("rcpthosts"), ...await this.#lines("morercpthosts")];
    return new Set(lines.map((line) => line.trim().toLowerCase()));
  }

  /** All domains whose recipients are checked by smtpd, in lower case. */
  async checkingRecipients(): Promise<ReadonlySet<string>> {
    return new Set((await this.#lines("chkrcptdomains")).map((line) => line.trim().toLowerCase()));
  }

  /** No mail is accepted any more, what was accepted finds its way: out of rcpthosts and morercpthosts. */
  async refuse(domain: string): Promise<void> {
    await removeLines(this.#disk, this.#path("rcpthosts"), isDomain(domain));
    const hosts = await this.#lines("morercpthosts");
    const kept = hosts.filter((line) => !isDomain(domain)(line));
    if (kept.length < hosts.length) await this.#writeMoreHosts(kept);
  }

  /** No mail comes any more: out of rcpthosts, morercpthosts, chkrcptdomains and virtualdomains. */
  async remove(domain: string): Promise<void> {
    await this.refuse(domain);
    await removeLines(this.#disk, this.#path("chkrcptdomains"), isDomain(domain));
    await removeLines(
      this.#disk,
      this.#path("virtualdomains"),
      (line) => line.toLowerCase().startsWith(`${domain}:`),
    );
  }

  /** Whether recipients of the domain are checked by smtpd. */
  async checksRecipients(domain: string): Promise<boolean> {
    return (await this.#lines("chkrcptdomains")).some(isDomain(domain));
  }

  /** Out of locals, which would win over virtualdomains; where that is missing it stands for `me`. */
  async #notSystemUsers(domain: string): Promise<void> {
    const locals = await readLineFile(this.#disk, this.#path("locals"));
    const [me] = locals ? [] : await this.#lines("me");
    if (me !== undefined && isDomain(domain)(me)) await this.#write("locals", []);
    else await removeLines(this.#disk, this.#path("locals"), isDomain(domain));
  }

  async #writeMoreHosts(lines: readonly string[]): Promise<void> {
    const hosts = new Set(lines.map((line) => line.trim().toLowerCase()));
    const keys = [...hosts].filter((host) => host !== "" && !host.startsWith("#"));
    const records = keys.map((host) => [latin1Bytes(host), new Uint8Array(0)] as const);
    await writeCdb(this.#disk, this.#path("morercpthosts.cdb"), records);
    await this.#write("morercpthosts", lines);
  }

  #path(name: string): string {
    return `${this.#control}/${name}`;
  }

  async #lines(name: string): Promise<readonly string[]> {
    return await readLineFile(this.#disk, this.#path(name)) ?? [];
  }

  #write(name: string, lines: readonly string[]): Promise<void> {
    return writeLineFile(this.#disk, this.#path(name), lines);
  }
}
