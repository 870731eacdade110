/**
 * What the programs that look for addresses share: the addresses of a header or of 822addr's output, and whether one of
 * those wanted is among them. Latin1 text, compared without regard to case.
 */
import type { Env, Proc } from "../../core/applet.ts";
import { latin1Text } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { parseAddressList } from "../../mail/address/parse.ts";
import type { Header } from "../../mail/header/header.ts";
import { COMMAND_EXIT } from "./command_exits.ts";
import { byteArgs, variable } from "./delivery.ts";
import { messageChunks, readHeader } from "./message_input.ts";
import { ownAddresses } from "./own_addresses.ts";

/** Bytes of one line of 822addr above which it is no address. Ours. */
const LINE_BYTES_MAX = 64 * 1024;

/** All addresses in the header's fields of those names, in lower case: `local@domain`, or `local` without a domain. */
export function headerAddresses(header: Header, names: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const field of header.fields) {
    if (!names.has(field.name)) continue;
    for (const entry of parseAddressList(header.valueOf(field))) {
      for (const { local, domain } of entry.kind === "group" ? entry.members : [entry]) {
        found.push((domain === "" ? local : `${local}@${domain}`).toLowerCase());
      }
    }
  }
  return found;
}

/** The addresses asked for, in lower case: the operands, else the recipient of the delivery. Throws Permanent. */
export function wantedAddresses(proc: { readonly env: Env }, operands: readonly string[]): string[] {
  if (operands.length > 0) return byteArgs(operands).map((text) => text.toLowerCase());
  const own = ownAddresses((name) => variable(proc, name));
  if (own.length === 0) throw new Permanent("name an address: RECIPIENT is not set");
  return own.map((text) => text.toLowerCase());
}

/** Variables that wantedAddresses reads. */
export const RECIPIENT_ENV = ["RECIPIENT", "LOCAL", "HOST", "EXT"] as const;

/** Whether a message on standard input has one of the addresses in those fields; the exit code that says so. */
export async function runAddressTest(
  proc: Pick<Proc, "stdin" | "env">,
  { fields, operands }: { readonly fields: readonly string[]; readonly operands: readonly string[] },
): Promise<number> {
  const wanted = wantedAddresses(proc, operands);
  const { header } = await readHeader(proc.stdin);
  const found = headerAddresses(header, new Set(fields.map((name) => name.toLowerCase())));
  return found.some((address) => wanted.some((one) => isMatch(address, one)))
    ? COMMAND_EXIT.done
    : COMMAND_EXIT.permanent;
}

/** Whether an address is the one wanted; `@domain` stands for all of a domain. */
export function isMatch(address: string, wanted: string): boolean {
  return wanted.startsWith("@") ? address.endsWith(wanted) : address === wanted;
}

/** Whether one of the lines of 822addr holds an address that `test` takes. A line ends with NUL or LF. */
export async function someListedAddress(
  reader: ByteReader,
  test: (address: string) => boolean,
): Promise<boolean> {
  let line = "";
  for await (const chunk of messageChunks(reader)) {
    const lines = (line + latin1Text(chunk)).split(/[\0\n]/);
    line = lines.pop() ?? "";
    for (const one of lines) if (one.startsWith("+") && test(one.slice(1).toLowerCase())) return true;
    if (line.length > LINE_BYTES_MAX) line = "(";
  }
  return false;
}
