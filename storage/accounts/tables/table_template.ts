/** Templates of tables: a name, and what stands in the parentheses of MySQL's CREATE TABLE, for both drivers [man vtable.1]. */
import { Permanent } from "../../../core/errors.ts";
import { type DatabaseKind, sqlName } from "./schema_ddl.ts";

/** A template. */
export interface TableTemplate {
  readonly name: string;
  /** Columns and indexes, one each. */
  readonly parts: readonly string[];
}

/** Reads a template. Throws Permanent naming the file. */
export function parseTemplate(text: string, path: string): TableTemplate {
  const lines = text.split("\n");
  if (lines[0]?.startsWith("#!")) lines.shift();
  const name = (lines.shift() ?? "").trim();
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) throw new Permanent(`${path}: its first line is not a table's name`);
  const body = lines.join(" ").trim().replace(/;$/, "").trim();
  if (!body.startsWith("(") || !body.endsWith(")")) throw new Permanent(`${path}: no list of columns in parentheses`);
  const parts = splitList(body.slice(1, -1));
  if (!parts || parts.length === 0 || parts.includes("")) {
    throw new Permanent(`${path}: its parentheses, quotes or commas do not match`);
  }
  return { name, parts };
}

/** The parts between commas that stand in no parentheses and no quotes; undefined when those do not match. */
function splitList(text: string): string[] | undefined {
  const parts: string[] = [];
  let [depth, from, quote] = [0, 0, ""];
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (quote !== "") quote = character === quote ? "" : quote;
    else if (character === "'" || character === '"' || character === "`") quote = character;
    else if (character === "(") depth++;
    else if (character === ")" && --depth < 0) return undefined;
    else if (character === "," && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  parts.push(text.slice(from).trim());
  return depth === 0 && quote === "" ? parts : undefined;
}

/** The statements that make the table where it is missing. SQLite has indexes outside of the table. */
export function templateStatements({ name, parts }: TableTemplate, kind: DatabaseKind): readonly string[] {
  const table = sqlName(name);
  if (kind === "mysql") return [`CREATE TABLE IF NOT EXISTS ${table} (${parts.join(", ")})`];
  const columns: string[] = [];
  const indexes: string[] = [];
  for (const part of parts) {
    const index = /^(unique\s+)?(?:index|key)\s*(`?\w+`?)?\s*\((.*)\)$/i.exec(part) ??
      /^(unique)\s*()\((.*)\)$/i.exec(part);
    if (!index) {
      columns.push(part.replace(/\bauto_increment\b/i, ""));
      continue;
    }
    const keys = (index[3] ?? "").replace(/\(\d+\)/g, ""); // a prefix of a column is MySQL's only
    const unique = index[1] ? "UNIQUE " : "";
    indexes.push(
      `CREATE ${unique}INDEX IF NOT EXISTS ${sqlName(`${name}_${indexes.length + 1}`)} ON ${table} (${keys})`,
    );
  }
  return [`CREATE TABLE IF NOT EXISTS ${table} (${columns.join(", ")})`, ...indexes];
}
