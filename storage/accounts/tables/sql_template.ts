/**
 * SQL statements that an operator writes with places for texts (`WHERE pw_name='%1$s'`, `'%u@%d'`): each becomes a `?`,
 * whose value is bound, so that no text ends a quotation. For nssd.conf and pam-multi [man nssd.conf.5] [man pam-multi.8].
 */
import { Permanent } from "../../../core/errors.ts";
import type { Row, SqlValue } from "../database.ts";

/** How places are written. */
export interface SqlPlaces {
  /** Finds places and escapes; must be global. */
  readonly pattern: RegExp;
  /** The place's name by what was found; undefined for an escape, which stands for a percent sign. */
  nameOf(found: RegExpMatchArray): string | undefined;
}

/** A statement made ready. */
export interface SqlTemplate {
  /** With `?` in the places; without a semicolon at its end. */
  readonly sql: string;
  /** What each `?` is made of. */
  readonly bound: readonly (readonly SqlPiece[])[];
}

/** A part of a bound text: as written, or what is given for a place. */
export type SqlPiece = { readonly text: string } | { readonly place: string };

/** Longest statement, in characters. */
export const SQL_TEMPLATE_CHARACTERS_MAX = 16_384;

function piecesOf(text: string, places: SqlPlaces): SqlPiece[] {
  const pieces: SqlPiece[] = [];
  let at = 0;
  for (const found of text.matchAll(places.pattern)) {
    if (found.index > at) pieces.push({ text: text.slice(at, found.index) });
    const place = places.nameOf(found);
    pieces.push(place === undefined ? { text: "%" } : { place });
    at = found.index + found[0].length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

function hasPlace(pieces: readonly SqlPiece[]): boolean {
  return pieces.some((piece) => "place" in piece);
}

/** A quotation, a comment, or anything else up to the next of these. A quotation mark inside is doubled. */
const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|--[^\n]*|#[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/|[^'"`\-#/]+|[\s\S]/g;

/**
 * Reads a statement. A quotation with places in it is bound as a whole; a place outside of quotations is a value of its
 * own. Throws Permanent for a place in a name (backquotes) and a statement that is too long.
 */
export function parseSqlTemplate(text: string, places: SqlPlaces): SqlTemplate {
  if (text.length > SQL_TEMPLATE_CHARACTERS_MAX) {
    throw new Permanent(`a statement of ${text.length} characters; at most ${SQL_TEMPLATE_CHARACTERS_MAX} are taken`);
  }
  const bound: SqlPiece[][] = [];
  const sql = text.trim().replace(/[;\s]+$/, "").replace(TOKEN, (token) => {
    if (/^(?:--|#|\/\*)/.test(token)) return " ";
    const mark = token.length > 1 && /^['"`]/.test(token) ? token[0]! : "";
    const pieces = piecesOf(mark === "" ? token : token.slice(1, -1).replaceAll(mark + mark, mark), places);
    if (!hasPlace(pieces)) return token.replace(places.pattern, "%"); // escapes only
    if (mark === "`") throw new Permanent(`a place inside a name, ${token}: a name cannot be filled in`);
    if (mark !== "") {
      bound.push(pieces);
      return "?";
    }
    return pieces.map((piece) => {
      if ("text" in piece) return piece.text;
      bound.push([piece]);
      return "?";
    }).join("");
  });
  return { sql, bound };
}

/** What is bound for given texts. Throws Permanent for a place that nothing is given for. */
export function boundValues(template: SqlTemplate, texts: Readonly<Record<string, string>>): SqlValue[] {
  return template.bound.map((pieces) =>
    pieces.map((piece) => {
      if ("text" in piece) return piece.text;
      const text = texts[piece.place];
      if (text === undefined) throw new Permanent(`a statement with the place ${piece.place}, which has no value here`);
      return text;
    }).join("")
  );
}

/**
 * The same statement with its columns named c0, c1, … as it must have exactly `count` of them: rows are read by name, and
 * an operator's columns may be constants with the same name.
 */
export function withColumns(sql: string, count: number): string {
  const names = Array.from({ length: count }, (_, at) => `c${at}`);
  return `WITH wanted(${names.join(", ")}) AS (\n${sql}\n) SELECT ${names.join(", ")} FROM wanted`;
}

/** The texts of a row of `withColumns`; undefined for NULL. */
export function columnTexts(row: Row, count: number): (string | undefined)[] {
  return Array.from({ length: count }, (_, at) => {
    const value = row[`c${at}`];
    return value === null || value === undefined ? undefined : String(value);
  });
}
