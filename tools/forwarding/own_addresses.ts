/**
 * The addresses by which a delivery's user is known: the envelope recipient, and, where that begins with the prefix of a
 * virtual domain, the address without it. Latin1 text [man qmail-command.8] [man qmail-send.9].
 */

/** A mail domain in front of a dash, as virtual domains put it before the user's name. */
const DOMAIN_PREFIX = /^[^@-]*(?:-[^@.-]+)*[.][^@]*-$/;

/** The plain address first, the recipient as it is in the environment last; none when RECIPIENT is not set. */
export function ownAddresses(variable: (name: string) => string | undefined): string[] {
  const recipient = variable("RECIPIENT");
  if (recipient === undefined) return [];
  const at = recipient.lastIndexOf("@");
  const [local, host] = at < 0 ? [recipient, ""] : [recipient.slice(0, at), recipient.slice(at + 1)];
  const plain = withoutPrefix(local, variable("HOST") ?? host, variable("EXT"));
  return plain === local ? [recipient] : [`${plain}@${host}`, recipient];
}

function withoutPrefix(local: string, host: string, extension: string | undefined): string {
  if (host !== "" && local.length > host.length + 1 && local.toLowerCase().startsWith(`${host.toLowerCase()}-`)) {
    return local.slice(host.length + 1);
  }
  if (extension && local.endsWith(`-${extension}`)) { // a domain that stands for another has that one's name here
    const prefix = local.slice(0, local.length - extension.length);
    if (DOMAIN_PREFIX.test(prefix)) return extension;
  }
  return local;
}
