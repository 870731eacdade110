/**
 * Lists of addresses and domains in control files: the text file, and before it the compiled NAME.cdb. The text is read
 * when the settings are, the cdb again when it has changed [man qmail-smtpd.8] [spec formats 7].
 */
import { latin1Bytes } from "../../core/bytes.ts";
import type { Cdb } from "../../storage/cdb/reader.ts";
import { CdbFile } from "../../storage/cdb/reader.ts";
import type { ControlFiles } from "../../storage/control/control.ts";

/** How long a cdb is believed to be unchanged. */
const RECHECK_MS = 1000;

/** Keys in lower case out of a text file and a cdb. */
export class KeyList {
  readonly #keys: ReadonlySet<string>;
  readonly #file: CdbFile;
  readonly #nowMs: () => number;
  #cdb: Cdb | undefined;
  #checkedMs = -Infinity;

  /** `cdbName` when the compiled file is not called like the text: morercpthosts of rcpthosts. */
  constructor(
    control: ControlFiles,
    name: string,
    options: { readonly nowMs: () => number; readonly cdbName?: string },
  ) {
    this.#keys = new Set(control.lines(name)?.map((line) => line.trim().toLowerCase()));
    this.#file = new CdbFile(`${control.directory}/${options.cdbName ?? name}.cdb`);
    this.#nowMs = options.nowMs;
  }

  /** Whether a key, in lower case, is there. Throws Temporary when the cdb is damaged. */
  has(key: string): boolean {
    if (this.#keys.has(key)) return true;
    const nowMs = this.#nowMs();
    if (nowMs - this.#checkedMs >= RECHECK_MS || nowMs < this.#checkedMs) {
      this.#cdb = this.#file.current();
      this.#checkedMs = nowMs;
    }
    return this.#cdb?.find(latin1Bytes(key)) !== undefined;
  }

  /** Whether an address, or `@` and its domain, is there. */
  hasAddress(address: string): boolean {
    const lower = address.toLowerCase();
    if (this.has(lower)) return true;
    const at = lower.lastIndexOf("@");
    return at >= 0 && this.has(lower.slice(at));
  }

  /** Whether a domain, or one of its parents as `.suffix`, is there. */
  hasDomain(domain: string): boolean {
    if (this.has(domain)) return true;
    for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1)) {
      if (this.has(domain.slice(dot))) return true;
    }
    return false;
  }
}

/** Lines `prefix:value` of relayclients and relaydomains. */
export class PrefixList {
  readonly #values = new Map<string, string>();

  constructor(control: ControlFiles, name: string) {
    for (const line of control.lines(name) ?? []) {
      const colon = line.lastIndexOf(":");
      if (colon < 0) this.#values.set(line.toLowerCase(), "");
      else this.#values.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1));
    }
  }

  /** The value for an IP address: the address itself, or its prefixes that end in a dot or colon, longest first. */
  ofAddress(ip: string): string | undefined {
    if (this.#values.size === 0) return undefined;
    const whole = this.#values.get(ip);
    if (whole !== undefined) return whole;
    for (let end = ip.length - 1; end > 0; end--) {
      if (ip[end - 1] !== "." && ip[end - 1] !== ":") continue;
      const value = this.#values.get(ip.slice(0, end));
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** The value for a host name: the name itself, or a `.suffix` of it. */
  ofHost(host: string): string | undefined {
    const lower = host.toLowerCase();
    const whole = this.#values.get(lower);
    if (whole !== undefined || this.#values.size === 0) return whole;
    for (let dot = lower.indexOf("."); dot >= 0; dot = lower.indexOf(".", dot + 1)) {
      const value = this.#values.get(lower.slice(dot));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}
