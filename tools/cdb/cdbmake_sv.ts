/** cdbmake-sv: makes a constant database of a services file: names by port, ports by name. */
import { defineApplet } from "../../core/applet.ts";
import { makeFromLines, type TextRecord, words } from "./lines.ts";

/** The records of a line of services(5): `@port/proto` gives the name, each `name/proto` the port. */
export function serviceRecords(line: string): TextRecord[] {
  const fields = words(line.replace(/#.*/s, ""));
  const [name, where, ...aliases] = fields;
  const [port, protocol] = where?.split("/") ?? [];
  if (name === undefined || port === undefined || protocol === undefined) return [];
  const names = [name, ...aliases].map((each): TextRecord => [`${each}/${protocol}`, port]);
  return [[`@${port}/${protocol}`, name], ...names];
}

export const applet = defineApplet({
  names: ["cdbmake-sv"],
  section: 1,
  summary: "make a constant database from a services file",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "cdb", help: "the file to be made; replaced when all is written and synced" },
    { name: "temporary", help: "what is written meanwhile, on the same file system" },
  ],
  description:
    `cdbmake-sv reads lines of services(5) from standard input. Under the key NAME/PROTOCOL, for the name and every
alias, lies the port; under @PORT/PROTOCOL the name.`,
  exits: { "111": "a file cannot be read or written; the old database is untouched" },
  examples: [{ command: "cdbmake-sv services.cdb services.tmp </etc/services", help: "then: cdbget smtp/tcp" }],
  seeAlso: ["cdbmake(1)", "cdbget(1)", "cdbmake-12(1)"],
  source: ["[man cdbmake.1]"],
  run: (proc) => makeFromLines(proc.stdin, { path: proc.args[0] ?? "", temporary: proc.args[1] ?? "" }, serviceRecords),
});
