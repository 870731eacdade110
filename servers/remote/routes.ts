/**
 * smtproutes: fixed ways to hosts, in place of MX records [man qmail-remote.9] [spec formats 8].
 */

/** Where mail for a host goes. */
export interface SmtpRoute {
  /** A name or address; empty: by MX records. */
  readonly relay: string;
  readonly port: number;
  /** Credentials for the relay. */
  readonly login?: { readonly user: string; readonly password: string };
  /** TLS from the first byte. */
  readonly implicitTls: boolean;
}

/** Port of SMTP. */
export const SMTP_PORT = 25;
const SMTPS_PORT = 465;

/** Parsed smtproutes: the first line for a key wins. */
export class SmtpRoutes {
  readonly #routes = new Map<string, SmtpRoute>();

  /** `lines` of the control file; lines without a colon are passed over, as in the original. */
  constructor(lines: readonly string[]) {
    for (const line of lines) {
      const colon = line.indexOf(":");
      if (colon < 0) continue;
      const key = line.slice(0, colon).toLowerCase();
      if (!this.#routes.has(key)) this.#routes.set(key, parseRoute(line.slice(colon + 1)));
    }
  }

  /** The route for mail from `sender` to `host`: of null senders first, then host, its suffixes, the default. */
  find(host: string, sender: string): SmtpRoute | undefined {
    if (sender === "") {
      const bounce = this.#routes.get("!@");
      if (bounce) return bounce;
    }
    const lower = host.toLowerCase();
    const exact = this.#routes.get(lower);
    if (exact) return exact;
    for (let dot = lower.indexOf("."); dot >= 0; dot = lower.indexOf(".", dot + 1)) {
      const suffix = this.#routes.get(lower.slice(dot));
      if (suffix) return suffix;
    }
    return this.#routes.get("");
  }
}

/** `relay[:port[:min_penalty[:max_tolerance]]][ user password[ env]]`; an IPv6 address stands in brackets. */
export function parseRoute(text: string): SmtpRoute {
  const [where = "", user, password] = text.trim().split(/\s+/);
  const [, bracketed, plain = "", port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?/.exec(where) ?? [];
  const number = port ? Number(port) : SMTP_PORT;
  return {
    relay: bracketed ?? plain,
    port: number,
    implicitTls: number === SMTPS_PORT,
    ...(user && password ? { login: { user, password } } : {}),
  };
}
