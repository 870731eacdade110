/**
 * What a control file of assignments says of an address, and what an assignment does to an environment: for ctrlenv
 * [man ctrlenv.9] [man cdb-database.9]. Text is latin1.
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import type { Cdb } from "../../storage/cdb/reader.ts";

/** The value of the first line that covers the address: `=address:`, `+prefix:` or `address:`. */
export function findInText(text: string, address: string): string | undefined {
  const wanted = address.toLowerCase();
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    const [, kind, key = "", value = ""] = /^([=+]?)([^:]*):(.*)$/.exec(line.trimEnd()) ?? [];
    if (kind === undefined) continue;
    const lower = key.toLowerCase();
    if (kind === "+" ? wanted.startsWith(lower) : wanted === lower) return value.replace(/:$/, "");
  }
  return undefined;
}

/** The value of an address in a database made by cdb-database: the exact line, else the longest prefix. */
export function findInCdb(cdb: Cdb, address: string): string | undefined {
  const wanted = address.toLowerCase();
  const exact = cdb.find(latin1Bytes(`!${wanted}\0`));
  if (exact) return latin1Text(exact);
  const ends = latin1Text(cdb.find(new Uint8Array(0)) ?? new Uint8Array(0));
  for (let length = wanted.length; length >= 0; length--) {
    if (length > 0 && !ends.includes(wanted[length - 1]!)) continue;
    const found = cdb.find(latin1Bytes(`!${wanted.slice(0, length)}`));
    if (found) return latin1Text(found);
  }
  return undefined;
}

/**
 * The environment after assignments separated by commas: `NAME=value` sets, `NAME=` removes; `\,` is a comma in a value.
 * What holds no = is left out.
 */
export function applyAssignments(
  environment: Readonly<Record<string, string>>,
  assignments: string,
): Record<string, string> {
  const result = { ...environment };
  for (const part of assignments.split(/(?<!\\),/)) {
    const [, name = "", value = ""] = /^\s*([^=]+)=(.*)$/s.exec(part.replaceAll("\\,", ",")) ?? [];
    if (name === "") continue;
    if (value === "") delete result[name];
    else result[name] = value;
  }
  return result;
}
