/** Lists of checksums: lines are read as they are written, and every kind of change is found and warned of. */
import { assertEquals } from "../../tests/support/assert.ts";
import { compareLists, type Comparison } from "./compare_lists.ts";
import { formatDate, formatMode, type ListLine, parseListLine } from "./list_line.ts";

function list(...lines: string[]): Map<string, ListLine> {
  return new Map(lines.map((text) => parseListLine(text)!).map((line) => [line.path, line]));
}

function changes(before: string[], after: string[], options: Partial<Comparison> = {}): string[] {
  const said: string[] = [];
  const plain = { ignoreCorrupt: false, ignoreFolders: false, isCritical: () => false };
  compareLists({ ...plain, ...options, before: list(...before), after: list(...after) }, {
    change: (kind, lines) => said.push(`${kind} ${lines.map(({ mark, line }) => `${mark}${line.path}`).join(" ")}`),
    warning: (level, mark, line) => said.push(`L${level} ${mark}${line.path}`),
  });
  return said;
}

const DAY = "Nov 13 11:06:01 2018";
const NEXT = "Nov 14 11:06:01 2018";

Deno.test("a line is read, spaces in the name included; what is none is not", () => {
  assertEquals(parseListLine(`0x0000abcd -rw-r--r-- joe\tstaff\t${DAY} /a b`), {
    checksum: "0x0000abcd",
    rest: `-rw-r--r-- joe\tstaff\t${DAY} /a b`,
    mode: "-rw-r--r--",
    owner: "joe",
    group: "staff",
    date: DAY,
    path: "/a b",
  });
  assertEquals(["", "0x0000abcd", `0x0000abcd -rw-r--r-- joe\t${DAY} /a`].map(parseListLine), [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("modes and dates are written as lists have them", () => {
  assertEquals(
    [0o100644, 0o040755, 0o104755, 0o104644, 0o102755, 0o102644, 0o041777, 0o041776, 0o010600].map(formatMode),
    [
      "-rw-r--r--",
      "drwxr-xr-x",
      "-rwsr-xr-x",
      "-rwSr--r--",
      "-rwxr-sr-x",
      "-rw-r-lr--",
      "drwxrwxrwt",
      "drwxrwxrwT",
      "prw-------",
    ],
  );
  assertEquals(formatDate(new Date(2018, 10, 3, 1, 6, 1)), "Nov  3 01:06:01 2018");
});

Deno.test("every kind of change is found", () => {
  const row = (sum: string, mode: string, rest: string) => `0x0000000${sum} ${mode} ${rest}`;
  const before = [
    row("1", "-rw-r--r--", `a\ta\t${DAY} /same`),
    row("1", "-rw-r--r--", `a\ta\t${DAY} /gone`),
    row("1", "-rw-r--r--", `a\ta\t${DAY} /replaced`),
    row("1", "-rw-r--r--", `a\ta\t${DAY} /corrupt`),
    row("1", "-rwsr-xr-x", `a\ta\t${DAY} /rights`),
    row("1", "drwxr-xr-x", `a\ta\t${DAY} /folder`),
  ];
  const after = [
    row("1", "-rw-r--r--", `a\ta\t${NEXT} /same`),
    row("2", "-rw-r--r--", `a\ta\t${NEXT} /replaced`),
    row("2", "-rw-r--r--", `a\ta\t${DAY} /corrupt`),
    row("1", "-rwxr-xr-x", `b\ta\t${DAY} /rights`),
    row("2", "drwxr-xr-x", `a\ta\t${NEXT} /folder`),
    row("1", "-rw-r--r--", `a\ta\t${DAY} /new`),
  ];
  const rights = ["permiss </rights >/rights", "L1 </rights", "own/grp </rights >/rights", "L1 </rights"];
  assertEquals(changes(before, after, { isCritical: (path) => path === "/gone" || path === "/new" }), [
    "deleted /gone",
    "L2 </gone",
    "replaced </replaced >/replaced",
    "corrupt /corrupt",
    ...rights,
    "replaced </folder >/folder",
    "added /new",
    "L2 >/new",
  ]);
  assertEquals(changes(before, after, { ignoreCorrupt: true, ignoreFolders: true }), [
    "deleted /gone",
    "replaced </replaced >/replaced",
    ...rights,
    "added /new",
  ]);
});
