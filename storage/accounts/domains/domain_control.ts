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
