import { assertEquals, assertThrows } from "../../../tests/support/assert.ts";
import { Permanent } from "../../../core/errors.ts";
import { openSqlite } from "../sqlite.ts";
import {
  boundValues,
  columnTexts,
  parseSqlTemplate,
  SQL_TEMPLATE_CHARACTERS_MAX,
  type SqlPlaces,
  withColumns,
} from "./sql_template.ts";

const PLACES: SqlPlaces = {
  pattern: /%(?:([ud])|%)/g,
  nameOf: (found) => found[1],
};

Deno.test("a quotation with places becomes one bound value, others stay as they are", () => {
  const template = parseSqlTemplate(
    "select 'it''s', \"100%%\" from t where a='%u' and b = '<%u@%d>' and c=%d; ",
    PLACES,
  );
  assertEquals(template.sql, "select 'it''s', \"100%\" from t where a=? and b = ? and c=?");
  assertEquals(boundValues(template, { u: "o'b", d: "x" }), ["o'b", "<o'b@x>", "x"]);
});

Deno.test("a doubled quotation mark around a place is one mark of the bound value, and comments are dropped", () => {
  const template = parseSqlTemplate("select '''%u''' -- '%u'\n, 1 /* '%d' */ # %u\n, 5-3, 4/2", PLACES);
  assertEquals(boundValues(template, { u: "a" }), ["'a'"]);
  assertEquals(template.sql.replace(/\s+/g, " "), "select ? , 1 , 5-3, 4/2");
});

Deno.test("a place inside a name, one without a value and a statement that is too long are refused", () => {
  assertThrows(() => parseSqlTemplate("select `%u` from t", PLACES), Permanent);
  assertThrows(() => boundValues(parseSqlTemplate("select %d", PLACES), { u: "a" }), Permanent);
  assertThrows(() => parseSqlTemplate("x".repeat(SQL_TEMPLATE_CHARACTERS_MAX + 1), PLACES), Permanent);
});

Deno.test("columns of the same name are told apart, and no name of a user ends a quotation", async () => {
  const folder = await Deno.makeTempDir();
  const database = openSqlite(`${folder}/db`);
  try {
    await database.run("CREATE TABLE people (name TEXT)");
    const hostile = ["x' or '1'='1", "x'; DROP TABLE people; --", 'x"', "%u", "?", "\\'", "é\n"];
    for (const name of ["plain", ...hostile]) await database.run("INSERT INTO people VALUES (?)", [name]);
    const template = parseSqlTemplate("SELECT name, 555, 555, NULL FROM people WHERE name='%u' LIMIT 9", PLACES);
    for (const name of hostile) {
      const rows = await database.query(withColumns(template.sql, 4), boundValues(template, { u: name }));
      assertEquals(rows.map((row) => columnTexts(row, 4)), [[name, "555", "555", undefined]]);
    }
  } finally {
    await database.close();
    await Deno.remove(folder, { recursive: true });
  }
});
