/** The lines of an exchange: what is written is read back, and nothing else is taken. */
import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import type { SqlValue } from "../../storage/accounts/database.ts";
import { formatDomain, formatFile, formatRow, isCarriedFile, parseLine } from "./exchange_lines.ts";
import { dirControlTables, EXCHANGE_TABLES, exchangeTable, isNumeric, isTime } from "./exchange_tables.ts";

/** The same numbers at every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state;
  }
}

const CHARACTERS = ["a", "Z", "é", "郵", "🐟", '"', "\\", "\n", "\u0001", "\u2028", "{", " ", "'", "\u007f", "\ufeff"];

Deno.test("a row of any table that is written is read back, whatever its texts hold", () => {
  const random = numbers(7);
  const below = (limit: number) => random.next().value % limit;
  for (let round = 0; round < 400; round++) {
    const name = [...EXCHANGE_TABLES, "dir_control_home_A2E"][round % (EXCHANGE_TABLES.length + 1)]!;
    const row: Record<string, SqlValue> = {};
    for (const column of exchangeTable(name)?.columns ?? []) {
      const length = below((column.width ?? 1) + 1);
      if (column.null && below(4) === 0) row[column.name] = null;
      else if (isTime(column.type)) row[column.name] = "2026-01-02 03:04:05";
      else if (isNumeric(column)) {
        row[column.name] = column.type === "unsigned" ? "18446744073709551615" : below(100) - 1;
      } else row[column.name] = Array.from({ length }, () => CHARACTERS[below(CHARACTERS.length)]).join("");
    }
    const text = formatRow(name, row);
    assertEquals(text.indexOf("\n"), text.length - 1);
    const line = parseLine(text.trimEnd());
    assertEquals(line.kind === "row" && [line.table.name, line.row], [name, row]);
  }
});

Deno.test("domains and files are read back, files of any bytes", () => {
  const domain = { name: "a.test", uid: 5, gid: 6, aliases: ["b.test"], accepted: true, checkRecipients: false };
  assertEquals(parseLine(formatDomain(domain)), { kind: "domain", domain });
  const placed = { ...domain, directory: "/srv/domains/a.test" };
  assertEquals(parseLine(formatDomain(placed)), { kind: "domain", domain: placed });
  for (const bytes of [[], [104, 105, 10], [0, 255, 254], [0xef, 0xbb, 0xbf, 65]]) {
    const file = { domain: "a.test", name: ".qmail-x", bytes: new Uint8Array(bytes) };
    assertEquals(parseLine(formatFile(file)), { kind: "file", file });
  }
});

Deno.test("only files that say how a domain works are carried", () => {
  const taken = [".qmail-default", ".qmail-a:b", ".base_path", "hash_method", "._home_A2E", ".root_T2Zsym"];
  const left = [
    "vpasswd",
    "..",
    ".qmail-",
    ".qmail-../x",
    ".aliasdomains",
    "postmaster",
    ".qmail-a\nb",
    ".dir-control",
  ];
  assertEquals([taken.filter(isCarriedFile), left.filter(isCarriedFile)], [taken, []]);
});

Deno.test("directory states are known by their tables' names, other tables are refused", () => {
  assertEquals(dirControlTables(["x", "dir_control_home_A2E", "dir_control", "dir_control; DROP"]), [
    "dir_control",
    "dir_control_home_A2E",
  ]);
  for (const name of ["vlog", "relay", "ischema", "mysql.user", "constructor", "dir_control`"]) {
    assertThrows(() => parseLine(`{"table":${JSON.stringify(name)},"row":{}}`), Permanent, "is no table of accounts");
  }
});

Deno.test("values that a column cannot have are refused", () => {
  const row = { ipaddr: "192.0.2.1", domain: "a.test", timestamp: "2026-01-02 03:04:05" };
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ ...row, ipaddr: null }, "ipaddr is null"],
    [{ ...row, ipaddr: 7 }, "ipaddr is no text"],
    [{ ...row, ipaddr: "1".repeat(47) }, "ipaddr is longer than 46 characters"],
    [{ ...row, timestamp: "now" }, "timestamp is no time"],
    [{ ...row, more: 1 }, 'has the unknown column "more"'],
  ];
  for (const [given, message] of cases) {
    assertThrows(() => parseLine(JSON.stringify({ table: "ip_alias_map", row: given })), Permanent, message);
  }
  const quota = { user: "a", domain: "b", quota: 0, timestamp: row.timestamp };
  for (const value of [-1, 1.5, "1e3", "18446744073709551616", true]) {
    assertThrows(
      () => parseLine(JSON.stringify({ table: "userquota", row: { ...quota, quota: value } })),
      Permanent,
      "quota is",
    );
  }
});
