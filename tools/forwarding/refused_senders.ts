/**
 * Addresses that control files refuse: badrcptto (addresses, @domains), badrcptto.cdb (the same), badrcptpatterns
 * (patterns with * ? [..]; ! before one makes it an exception). Latin1 text, case means nothing.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { controlLines } from "../../core/control_lines.ts";
import { pathExists } from "../../core/path_exists.ts";

/** Control files, for the declarations of programs. */
export const REFUSED_CONTROL = ["badrcptto", "badrcptpatterns"] as const;

/** A pattern as a test. */
export function addressPattern(pattern: string): (address: string) => boolean {
  let expression = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    const set = character === "[" ? /^\[(!|\^)?(\]?[^\]]*)\]/.exec(pattern.slice(at)) : null;
    if (set) {
      expression += `[${set[1] === undefined ? "" : "^"}${set[2]!.replace(/[\\[\]^]/g, "\\$&")}]`;
      at += set[0].length - 1;
    } else if (character === "*") expression += "[^]*";
    else if (character === "?") expression += "[^]";
    else expression += character.replace(/[.+^${}()|[\]\\/]/g, "\\$&");
  }
  const compiled = new RegExp(`^${expression}$`, "i");
  return (address) => compiled.test(address);
}

/** Whether the address is refused. Throws Temporary when a file cannot be read. */
export async function isRefusedAddress(control: string, address: string): Promise<boolean> {
  const lower = address.toLowerCase();
  const keys = [lower, lower.slice(Math.max(lower.lastIndexOf("@"), 0))];
  const lines = new Set(controlLines(control, "badrcptto")?.map((line) => line.toLowerCase()));
  if (keys.some((key) => lines.has(key))) return true;
  const database = `${control}/badrcptto.cdb`;
  if (pathExists(database)) {
    const { Cdb } = await import("../../storage/cdb/reader.ts");
    const cdb = Cdb.open(database);
    if (keys.some((key) => cdb.find(latin1Bytes(key)) !== undefined)) return true;
  }
  let refused = false;
  for (const line of controlLines(control, "badrcptpatterns") ?? []) {
    const exception = line.startsWith("!");
    if (addressPattern(exception ? line.slice(1) : line)(lower)) refused = !exception;
  }
  return refused;
}
