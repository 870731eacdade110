/** crcdiff: what has changed between two lists of crc -v. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { errorText, Permanent } from "../../core/errors.ts";
import { type Change, CHANGES, compareLists } from "./compare_lists.ts";
import { type ListLine, parseListLine } from "./list_line.ts";

/** Largest list, bytes: some four million files. */
const LIST_BYTES_MAX = 512 * 1024 * 1024;
const KIND_WIDTH = 11;
/** crcdiff's own codes: no change, changes. */
const EXIT = { same: 0, different: 1 } as const;

function readText(path: string): string {
  try {
    if (Deno.statSync(path).size > LIST_BYTES_MAX) throw new Permanent(`it is larger than ${LIST_BYTES_MAX} bytes`);
    return latin1Text(Deno.readFileSync(path));
  } catch (error) {
    throw new Permanent(`unable to read ${path}: ${errorText(error)}`);
  }
}

function readList(path: string, warn: (text: string) => void): Map<string, ListLine> {
  const lines = new Map<string, ListLine>();
  let number = 0;
  for (const text of readText(path).split("\n")) {
    number++;
    if (text === "") continue;
    const line = parseListLine(text);
    if (line) lines.set(line.path, line);
    else warn(`${path} line ${number} is no line of crc -v and is left out`);
  }
  return lines;
}

/** True for the paths of the critical list and what lies below them. */
function criticalTest(path: string | undefined): (file: string) => boolean {
  if (path === undefined) return () => false;
  const listed = new Set(readText(path).split("\n").map((line) => line.trim().replace(/(?<=.)\/$/, "")));
  listed.delete("");
  return (file) => {
    for (let part = file; part !== ""; part = part.slice(0, Math.max(part.lastIndexOf("/"), 0))) {
      if (listed.has(part)) return true;
    }
    return listed.has("/") && file.startsWith("/");
  };
}

function summary(counts: ReadonlyMap<Change, number>, critical: readonly [number, number], left: ReadonlySet<Change>) {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (all === 0) return "0 changes detected\n";
  const kinds = Object.entries(CHANGES).filter(([kind]) => !left.has(kind as Change));
  const row = (text: string, at: number, count: number) => `${at + 1}. ${text.padEnd(20)}: ${count}`;
  const rows = kinds.map(([kind, text], at) => row(text, at, counts.get(kind as Change) ?? 0));
  const notes = critical[0] + critical[1] === 0 ? [] : [
    "",
    "NOTE: Critical Changes",
    ...critical.map((count, level) => row(`critical L${level + 1} changes`, level, count)),
  ];
  const rule = "-".repeat(26);
  return ["", `${all} Changes detected`, rule, ...rows, ...notes, rule, ""].join("\n");
}

export const applet = defineApplet({
  names: ["crcdiff"],
  section: 1,
  summary: "compare two lists of checksums",
  role: "text",
  dialect: "qmail",
  options: {
    checksums: { flag: "C", help: "show checksums" },
    critical: { flag: "c", value: "list", help: "file of paths: a change to one, or below one, is warned of (L2)" },
    ignoreFolders: { flag: "d", help: "leave out folders that are only replaced" },
    ignoreCorrupt: { flag: "i", help: "leave out files whose checksum changed but not their date" },
    sorted: { flag: "s", help: "the lists are sorted (makes no difference)" },
  },
  operands: [
    { name: "old", help: "a list made by crc -v" },
    { name: "new", help: "a later one" },
  ],
  description:
    `crcdiff prints what is different between the lists, a line for each file, and their count: added; deleted;
replaced, checksum and date being others; corrupt, the checksum being another but not the date; permiss, the permissions; own/grp,
owner or group. Changes of set-uid and set-gid files (L1) and of the critical list's files (L2) are warned of on standard error.`,
  exits: { "0": "nothing has changed", "1": "something has", "100": "a list cannot be read" },
  examples: [{ command: "crcdiff -c critical list.old list.new", help: "the critical list names /etc, /usr/bin…" }],
  seeAlso: ["crc(1)"],
  source: ["[man crc.1]"],
  async run(proc) {
    const { checksums, critical, ignoreFolders, ignoreCorrupt } = proc.options;
    const [out, warnings]: [string[], string[]] = [[], []];
    const warn = (text: string) => warnings.push(`${proc.name}: warning: ${text}\n`);
    const [before, after] = [readList(proc.args[0] ?? "", warn), readList(proc.args[1] ?? "", warn)];
    const counts = new Map<Change, number>();
    const criticalCounts: [number, number] = [0, 0];
    compareLists({ before, after, ignoreFolders, ignoreCorrupt, isCritical: criticalTest(critical) }, {
      change(kind, lines) {
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        for (const { mark, line } of lines) {
          out.push(`${(kind + mark).padEnd(KIND_WIDTH)}${checksums ? `${line.checksum} ` : ""}${line.rest}\n`);
        }
      },
      warning(level, mark, line) {
        criticalCounts[level - 1]! += 1;
        warnings.push(`WARN L${level} ${mark}  ${line.rest}\n`);
      },
    });
    await proc.stderr.write(latin1Bytes(warnings.join("")));
    const left = new Set<Change>(ignoreCorrupt ? ["corrupt"] : []);
    await proc.stdout.write(latin1Bytes(out.join("") + summary(counts, criticalCounts, left)));
    return counts.size === 0 ? EXIT.same : EXIT.different;
  },
});
