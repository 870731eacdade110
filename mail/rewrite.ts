/**
 * How the queue decides where a recipient goes: default host, percent hack, local domains, virtual domains. Pure over
 * the tables it is given; addresses are latin1 text and domains are compared without regard to case [spec formats 1.6].
 */

/** The control files that decide; all keys in lower case. */
export interface RewriteTables {
  /** Host of a recipient without one (control file envnoathost). */
  readonly envnoathost: string;
  readonly percenthack: ReadonlySet<string>;
  readonly locals: ReadonlySet<string>;
  /** Prefix by address, domain, `.suffix` or "" (all); an empty prefix is an exception. */
  readonly virtualdomains: ReadonlyMap<string, string>;
}

/** Where a recipient goes, and how it is called there. */
export interface RoutedRecipient {
  readonly channel: "local" | "remote";
  readonly address: string;
}

/** Lines of control file virtualdomains, `key:prefix`, as a table; a line without a colon is ignored. */
export function parseVirtualDomains(lines: readonly string[]): Map<string, string> {
  const table = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const key = line.slice(0, colon).toLowerCase();
    if (!table.has(key)) table.set(key, line.slice(colon + 1));
  }
  return table;
}

/** Routes one recipient of an envelope [man qmail-send.9]. */
export function rewriteRecipient(recipient: string, tables: RewriteTables): RoutedRecipient {
  let address = recipient.includes("@") ? recipient : `${recipient}@${tables.envnoathost}`;
  let at = address.lastIndexOf("@");
  while (tables.percenthack.size > 0 && tables.percenthack.has(address.slice(at + 1).toLowerCase())) {
    const percent = address.lastIndexOf("%", at - 1);
    if (percent < 0 || at === 0) break;
    address = `${address.slice(0, percent)}@${address.slice(percent + 1, at)}`;
    at = percent;
  }
  at = address.lastIndexOf("@");
  const domain = address.slice(at + 1).toLowerCase();
  if (tables.locals.has(domain)) return { channel: "local", address };
  const prefix = virtualPrefix(address, domain, tables.virtualdomains);
  return prefix ? { channel: "local", address: `${prefix}-${address}` } : { channel: "remote", address };
}

/** The first entry that applies: address, domain, each suffix that begins with a dot, all. */
function virtualPrefix(address: string, domain: string, table: ReadonlyMap<string, string>): string | undefined {
  if (table.size === 0) return undefined;
  return table.get(address.toLowerCase()) ?? domainPrefix(domain, table);
}

function domainPrefix(domain: string, table: ReadonlyMap<string, string>): string | undefined {
  const exact = table.get(domain);
  if (exact !== undefined) return exact;
  for (let dot = domain.indexOf(".", 1); dot >= 0; dot = domain.indexOf(".", dot + 1)) {
    const prefix = table.get(domain.slice(dot));
    if (prefix !== undefined) return prefix;
  }
  return table.get("");
}

/** A rewritten recipient as it was addressed: the virtual domain's prefix is taken off again, for bounces. */
export function stripVirtualPrefix(address: string, tables: Pick<RewriteTables, "virtualdomains" | "locals">): string {
  const domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
  if (tables.virtualdomains.size === 0 || tables.locals.has(domain)) return address;
  const prefix = domainPrefix(domain, tables.virtualdomains);
  if (prefix) return address.startsWith(`${prefix}-`) ? address.slice(prefix.length + 1) : address;
  for (let dash = address.indexOf("-"); dash >= 0; dash = address.indexOf("-", dash + 1)) {
    if (tables.virtualdomains.get(address.slice(dash + 1).toLowerCase()) === address.slice(0, dash)) {
      return address.slice(dash + 1);
    }
  }
  return address;
}

/** The host after the last @ of an address, in the case it was written. */
export function hostOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}

/**
 * The envelope sender of one delivery: `owner-@host-@[]` becomes `owner-box=rhost@host` for recipient `box@rhost`; any
 * other sender stays [spec formats 2].
 */
export function expandVerp(sender: string, recipient: string): string {
  if (!sender.endsWith("-@[]")) return sender;
  const rest = sender.slice(0, -4);
  const senderAt = rest.lastIndexOf("@");
  const recipientAt = recipient.lastIndexOf("@");
  if (senderAt < 0 || recipientAt < 0) return sender;
  const box = recipient.slice(0, recipientAt);
  return `${rest.slice(0, senderAt)}${box}=${recipient.slice(recipientAt + 1)}${rest.slice(senderAt)}`;
}
