/** What the programs of this room share: the resolver, and what an answer without records becomes. */
import type { Proc } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import type { DnsAnswer, Resolver } from "../../core/dns/answer.ts";
import { systemResolver } from "../../core/dns/system.ts";
import { Permanent, Temporary } from "../../core/errors.ts";

/** Variables that every program here reads. */
export const DNS_ENV = { DNSCACHEIP: "addresses of DNS servers, by default those of /etc/resolv.conf" } as const;

/** Exit codes that every program here has. */
export const DNS_EXITS = {
  "100": "there is nothing of this kind",
  "111": "no server gave an answer: try again",
} as const;

/** The resolver that the environment names. */
export function resolverOf(proc: Pick<Proc, "env">): Resolver {
  return systemResolver(proc.env.get("DNSCACHEIP"));
}

type Nothing = Extract<DnsAnswer<"A">, { kind: "none" | "failed" }>;

/** Throws what an answer without records means: Temporary, or Permanent naming what was asked for. */
export function refuse(answer: Nothing, asked: string): never {
  if (answer.kind === "failed") throw new Temporary(`soft error: ${answer.text}`);
  throw new Permanent(
    answer.nameExists ? `hard error: ${asked} does not exist` : `hard error: there is no such name: ${asked}`,
  );
}

/** Prints lines. */
export async function printLines(proc: Pick<Proc, "stdout">, lines: readonly string[]): Promise<void> {
  await proc.stdout.write(utf8Bytes(lines.map((line) => `${line}\n`).join("")));
}
