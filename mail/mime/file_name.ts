/**
 * Names that a part has for the file it is: in Content-Disposition and Content-Type, in RFC 2231's pieces and character
 * sets, in encoded words although [rfc2047 5] forbids them there. Nothing is made safe here: a name is what was written.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { decodeHeaderText } from "../header/encoded_word.ts";
import type { Header } from "../header/header.ts";
import { decodeCharset } from "./charset.ts";
import { type ParameterValue, parseParameterValue } from "./content_type.ts";

/** Names of one part above which the rest is dropped. Ours. */
export const FILE_NAMES_MAX = 32;
/** Pieces of one parameter. Ours. */
const PIECES_MAX = 100;

/** A name, and whether it was written as it is or had to be decoded. */
export interface FileName {
  /** Text: UTF-16 where it was decoded or valid UTF-8; bytes that are no UTF-8 as latin1. */
  readonly text: string;
  /** As written, latin1. */
  readonly raw: string;
  readonly source: "disposition" | "type";
}

/** All names in a header, Content-Disposition's first, those of RFC 2231 before the plain ones. */
export function fileNames(header: Header): readonly FileName[] {
  const names: FileName[] = [];
  for (
    const [field, parameter, source] of [
      ["content-disposition", "filename", "disposition"],
      ["content-type", "name", "type"],
    ] as const
  ) {
    for (const { valueStart, end } of header.all(field)) {
      const value = parseParameterValue(unfolded(header.text.slice(valueStart, end)));
      if (value) { for (const { text, raw } of valuesOf(value, parameter)) names.push({ text, raw, source }); }
    }
  }
  return names.slice(0, FILE_NAMES_MAX);
}

function unfolded(value: string): string {
  return value.replace(/\r?\n(?=[ \t])/g, "").trim();
}

function valuesOf(field: ParameterValue, name: string): { text: string; raw: string }[] {
  const pieces = new Map<number, { value: string; encoded: boolean }>();
  const plain: { text: string; raw: string }[] = [];
  for (const parameter of field.parameters) {
    const key = parameter.name.toLowerCase();
    if (key === name) plain.push({ text: decodeHeaderText(parameter.value), raw: parameter.value });
    else if (key === `${name}*`) pieces.set(0, { value: parameter.value, encoded: true });
    else if (key.startsWith(`${name}*`)) {
      const match = /^(\d{1,3})(\*?)$/.exec(key.slice(name.length + 1));
      if (match && pieces.size < PIECES_MAX) {
        pieces.set(Number(match[1]), { value: parameter.value, encoded: match[2] === "*" });
      }
    }
  }
  const joined = joinPieces(pieces);
  return joined === undefined ? plain : [joined, ...plain];
}

/** The value of numbered pieces from 0 on, up to the first that is missing [rfc2231 3, 4]. */
function joinPieces(
  pieces: ReadonlyMap<number, { value: string; encoded: boolean }>,
): { text: string; raw: string } | undefined {
  const first = pieces.get(0);
  if (!first) return undefined;
  let charset = "";
  let raw = "";
  for (let number = 0;; number++) {
    const piece = pieces.get(number);
    if (!piece) break;
    let { value } = piece;
    if (number === 0 && piece.encoded) {
      const match = /^([^']*)'[^']*'([^]*)$/.exec(value);
      if (match) [charset, value] = [match[1]!, match[2]!];
    }
    raw += piece.encoded
      ? value.replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
      : value;
  }
  const decoded = charset === "" ? undefined : decodeCharset(latin1Bytes(raw), charset);
  return { text: decoded ?? decodeHeaderText(raw), raw };
}
