/**
 * cdb-database: compiles a control file of assignments (address, value) for ctrlenv and for the passwords of remote hosts.
 */
import { defineApplet } from "../../core/applet.ts";
import { latin1Text } from "../../core/bytes.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { addRecord, type TextRecord } from "./lines.ts";
import { makeDatabase } from "./make.ts";

/** Largest assignment file, bytes. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;

/** The record of an assignment, `=address:value:` or `+prefix:value:`; undefined when the line is none. */
export function parseAssignment(line: string): { readonly record: TextRecord; readonly prefixEnd: string } | undefined {
  const [, kind, address = "", value = ""] = /^([=+])([^:\0]*):(?:([^\0]*):)?$/.exec(line) ?? [];
  if (kind === undefined || (kind === "=" && address === "")) return undefined;
  const key = `!${address.toLowerCase()}`;
  return { record: [kind === "=" ? `${key}\0` : key, value], prefixEnd: kind === "+" ? key.slice(1).slice(-1) : "" };
}

/** The records of an assignment file; the last, under the empty key, lists the characters that prefixes end in. */
export function* assignmentRecords(text: string, path: string): Generator<TextRecord> {
  const ends = new Set<string>();
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line.startsWith(".")) return yield ["", [...ends].join("")];
    if (line.startsWith("#")) continue;
    const assignment = parseAssignment(line);
    if (!assignment) {
      throw new Permanent(
        `${path} line ${number} is neither =address:value: nor +prefix:value: (a line . ends the file)`,
      );
    }
    if (assignment.prefixEnd !== "") ends.add(assignment.prefixEnd);
    yield assignment.record;
  }
  throw new Permanent(`${path} does not end with a line that is a single dot`);
}

function readText(path: string): string {
  try {
    if (Deno.statSync(path).size > FILE_BYTES_MAX) throw new Temporary(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return latin1Text(Deno.readFileSync(path));
  } catch (error) {
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
}

export const applet = defineApplet({
  names: ["cdb-database"],
  section: 8,
  summary: "compile a control file of assignments into a cdb",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [
    { name: "filename", help: "a control file" },
    { name: "ignored", help: "further arguments mean nothing", optional: true, repeat: true },
  ],
  description:
    `cdb-database reads the control file and makes FILENAME.cdb beside it, in one step, so that ctrlenv never waits.

A line =address:value: is for the address, a line +prefix:value: for all addresses that begin so; an exact line wins over a
prefix, a long prefix over a short one, and the first of several lines for the same address. Capital letters in the address do
not matter. Lines that begin with # are comments; a line that is a single dot ends the file.`,
  exits: { "100": "a line is no assignment; FILENAME.cdb is untouched", "111": "a file cannot be read or written" },
  files: { "control/filename": "the assignments", "control/filename.cdb": "the database" },
  seeAlso: ["ctrlenv(8)", "cdbget(1)"],
  source: ["[man cdb-database.9]"],
  async run(proc) {
    const name = proc.args[0] ?? "";
    const path = name.startsWith("/") ? name : `${proc.paths.control}/${name}`;
    const records = [...assignmentRecords(readText(path), path)];
    await makeDatabase({ path: `${path}.cdb`, temporary: `${path}.tmp` }, async (writer) => {
      for (const record of records) {
        addRecord(writer, record);
        if (writer.full) await writer.drain();
      }
    });
  },
});
