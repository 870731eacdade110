/**
 * A part of a message and what its header says of it. Offsets count network bytes: as if every line ended in CRLF, whatever
 * the file has, because that is what IMAP counts.
 */
import type { Header } from "../header/header.ts";
import { parameterOf, type ParameterValue, parseParameterValue, splitType } from "./content_type.ts";

/** What kind of node a part is: with parts below it, with one message below it, or with content. */
export type PartKind = "leaf" | "multipart" | "message";

/** A part, or the message itself. */
export interface MimePart {
  readonly kind: PartKind;
  readonly header: Header;
  readonly contentType: ContentType;
  /** Where its header begins, network bytes from the message's beginning. */
  readonly start: number;
  /** Behind the empty line of its header. */
  readonly bodyStart: number;
  /** Behind its body; the line end before a boundary belongs to the boundary [rfc2046 5.1.1]. */
  readonly end: number;
  /** Line ends in the body. */
  readonly bodyLines: number;
  /** Bytes of its header in the file, with the empty line. */
  readonly headerFileBytes: number;
  /** Parts of a multipart in order; the one message of a message/rfc822. */
  readonly children: readonly MimePart[];
}

/** A media type with its parameters. */
export interface ContentType {
  /** As written; compare in lower case. */
  readonly type: string;
  readonly subtype: string;
  readonly parameters: ParameterValue["parameters"];
}

const TEXT_PLAIN: ContentType = {
  type: "text",
  subtype: "plain",
  parameters: [{ name: "charset", value: "us-ascii" }],
};
const MESSAGE_RFC822: ContentType = { type: "message", subtype: "rfc822", parameters: [] };

/** The media type of a part with that header; `inDigest`: it lies in a multipart/digest [rfc2046 5.1.5]. */
export function contentTypeOf(header: Header, options: { readonly inDigest: boolean }): ContentType {
  const field = header.value("content-type");
  const parsed = field === undefined ? undefined : parseParameterValue(field);
  const type = parsed && splitType(parsed.value);
  if (!parsed || !type) return options.inDigest ? MESSAGE_RFC822 : TEXT_PLAIN;
  return { ...type, parameters: parsed.parameters };
}

/** Whether a media type is that one, both names in lower case; `*` for any subtype. */
export function isType(contentType: ContentType, type: string, subtype: string): boolean {
  return contentType.type.toLowerCase() === type && (subtype === "*" || contentType.subtype.toLowerCase() === subtype);
}

/** The transfer encoding of a part in lower case; `7bit` without one. */
export function transferEncodingOf(part: Pick<MimePart, "header">): string {
  const value = part.header.value("content-transfer-encoding");
  return value === undefined ? "7bit" : /^[^\s;(]+/.exec(value)?.[0].toLowerCase() ?? "7bit";
}

/** The character set of a text part, as written; undefined when none is given. */
export function charsetOf(contentType: ContentType): string | undefined {
  return parameterOf({ value: "", parameters: contentType.parameters }, "charset");
}
