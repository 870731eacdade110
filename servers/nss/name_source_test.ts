import { assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { Temporary } from "../../core/errors.ts";
import type { Database, Row } from "../../storage/accounts/database.ts";
import { isId, NameSource, safeRecord, splitName, WAITING_MAX } from "./name_source.ts";
import { parseNssSettings } from "./settings.ts";

const PASSWD = ["alice", "x", "701", "700", "Alice", "/home/alice", "/bin/sh"];

Deno.test("what would break a line of the passwd file is made harmless or left out", () => {
  const changed = (column: number, text: string) =>
    safeRecord(PASSWD.map((field, at) => at === column ? text : field), "passwdByName");
  assertEquals(safeRecord(PASSWD, "passwdByName"), PASSWD);
  assertEquals(changed(4, "Alice\nroot::0:0")?.[4], "Alice root  0 0");
  assertEquals(changed(1, "a:b")?.[1], "!");
  for (
    const [column, text] of [[0, "a:b"], [0, "a\n"], [0, ""], [5, "/a:b"], [6, "/sh\n"], [2, ""], [3, "-1"]] as const
  ) {
    assertEquals(changed(column, text), undefined, `${column} ${text}`);
  }
});

Deno.test("numbers of users are digits below the two that mean none", () => {
  assertEquals(["0", "4294967293", "4294967294", "4294967295", "-1", "1e3", " 1", ""].map(isId), [
    true,
    true,
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("a name is parted at its last @, and gets the default domain without one", () => {
  assertEquals(splitName("a@b@c", "d"), { user: "a@b", domain: "c" });
  assertEquals(splitName("a", "d"), { user: "a", domain: "d" });
});

/** A database whose answers the test gives. */
function fakeDatabase(answer: () => Promise<readonly Row[]>): Database & { asked: number } {
  const never = () => Promise.reject(new Error("not in this test"));
  const database = {
    kind: "sqlite" as const,
    asked: 0,
    query() {
      database.asked++;
      return answer();
    },
    run: never,
    transaction: never,
    version: () => undefined,
    reopen: never,
    close: never,
  };
  return database;
}

function source(database: Database, more = ""): NameSource {
  const settings = parseNssSettings(`getpwuid SELECT 1\ngetpwnam SELECT '%1$s'\ngidsbymem SELECT 1\n${more}`);
  return new NameSource({ database, settings, defaultDomain: "mail.test", log: () => undefined });
}

Deno.test("only digits are asked for as a number, and only questions with a statement", async () => {
  const database = fakeDatabase(() => Promise.resolve([]));
  const names = source(database);
  for (const key of ["abc", "", "1 or 1", "-1", "99999999999"]) assertEquals(await names.ask("passwdByUid", key), []);
  assertEquals(await names.ask("groupByName", "staff"), []);
  assertEquals(await names.ask("passwdByName", "a\0b"), []);
  assertEquals([database.asked, names.has("groupByName"), names.has("passwdByUid")], [0, false, true]);
  await names.ask("passwdByUid", "701");
  assertEquals(database.asked, 1);
});

Deno.test("so many questions at once as threads, the rest in turn, and above a limit none", async () => {
  const answers: (() => void)[] = [];
  const database = fakeDatabase(() => new Promise((resolve) => answers.push(() => resolve([{ c0: "5" }]))));
  const names = source(database, "threads 2");
  const asked = Array.from({ length: WAITING_MAX + 2 }, () => names.ask("gidsOfMember", "a"));
  await assertRejects(() => names.ask("gidsOfMember", "a"), Temporary);
  assertEquals(database.asked, 2);
  const idle = names.idle();
  for (let done = 0; done < asked.length;) {
    for (const answer of answers.splice(0)) {
      answer();
      done++;
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals((await Promise.all(asked)).every((records) => records[0]?.[0] === "5"), true);
  await idle;
});
