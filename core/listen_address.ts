/**
 * Addresses that a daemon is told to listen on, as operands: `smtp=127.0.0.1:2025`, `imaps=[::]:993`. Daemons and the fence
 * (which opens exactly these ports) read them with the same function.
 */

/** An address to listen on. */
export interface ListenAddress {
  /** `smtp`, `imaps`, …: the part before `=`; empty where there is none. */
  readonly service: string;
  readonly host: string;
  readonly port: number;
}

/** Parses `[name=]HOST:PORT`, an IPv6 host in brackets; undefined when the text has not this form. */
export function tryParseListen(text: string): ListenAddress | undefined {
  const match = /^(?:([a-z0-9]+)=)?(?:\[([0-9a-f:.]+)\]|([^:[\]=/]*)):(\d{1,5})$/i.exec(text);
  if (!match) return undefined;
  const port = Number(match[4]);
  if (port > 65535) return undefined;
  return { service: match[1] ?? "", host: match[2] ?? (match[3] || "0.0.0.0"), port };
}

/** The operand that `tryParseListen` reads. */
export function formatListen({ service, host, port }: ListenAddress): string {
  return `${service === "" ? "" : `${service}=`}${host.includes(":") ? `[${host}]` : host}:${port}`;
}
