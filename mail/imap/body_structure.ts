/**
 * BODY and BODYSTRUCTURE of a message [rfc3501 7.4.2]: made once when a message enters the index, then copied. Types and
 * parameters are as written; sizes count network bytes.
 */
import { type ParameterValue, parseParameterValue } from "../mime/content_type.ts";
import { isType, type MimePart, transferEncodingOf } from "../mime/part.ts";
import { envelopeText } from "./envelope.ts";
import { formatNstring, formatString, textBytes } from "./format.ts";

/** Which of the two forms. */
export interface StructureOptions {
  /** True: BODYSTRUCTURE with the extension data; false: BODY. */
  readonly extended: boolean;
}

/** The parenthesised list, as bytes. */
export function imapBodyStructure(part: MimePart, options: StructureOptions): Uint8Array<ArrayBuffer> {
  return textBytes(structureText(part, options.extended ? extension : () => ""));
}

/** Writes what is added to a part in the extended form. */
type Extension = (part: MimePart) => string;

/** An empty text: what stands in a multipart without parts, since the grammar wants at least one. */
const EMPTY_TEXT = '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)';

function structureText(part: MimePart, extended: Extension): string {
  if (isType(part.contentType, "multipart", "*")) {
    const children = part.children.map((child) => structureText(child, extended)).join("");
    const tail = extended(part);
    const parameters = tail === "" ? "" : ` ${parameterList(part.contentType.parameters)}`;
    return `(${children || EMPTY_TEXT} ${formatString(part.contentType.subtype)}${parameters}${tail})`;
  }
  const message = isType(part.contentType, "message", "rfc822") ? part.children[0] : undefined;
  // a message beyond the limits of nesting has no known structure: it is shown as plain bytes
  const opaque = !message && isType(part.contentType, "message", "rfc822");
  const type = opaque ? "application" : part.contentType.type;
  const subtype = opaque ? "octet-stream" : part.contentType.subtype;
  let text = `(${formatString(type)} ${formatString(subtype)} ${parameterList(part.contentType.parameters)} ${
    formatNstring(part.header.value("content-id"))
  } ${formatNstring(part.header.value("content-description"))} ${formatString(transferEncodingOf(part))} ${
    part.end - part.bodyStart
  }`;
  if (message) text += ` ${envelopeText(message.header)} ${structureText(message, extended)} ${part.bodyLines}`;
  else if (isType(part.contentType, "text", "*")) text += ` ${part.bodyLines}`;
  const tail = extended(part);
  return tail === "" ? `${text})` : `${text} ${formatNstring(part.header.value("content-md5"))}${tail})`;
}

/** Disposition, language and location, each with a blank before it. */
function extension(part: MimePart): string {
  const disposition = part.header.value("content-disposition");
  const parsed = disposition === undefined ? undefined : parseParameterValue(disposition);
  return ` ${parsed ? `(${formatString(parsed.value)} ${parameterList(parsed.parameters)})` : "NIL"} ${
    languages(part.header.value("content-language"))
  } ${formatNstring(part.header.value("content-location"))}`;
}

function languages(value: string | undefined): string {
  const tags = value?.match(/[A-Za-z0-9-]+/g);
  return tags ? `(${tags.map(formatString).join(" ")})` : "NIL";
}

function parameterList(parameters: ParameterValue["parameters"]): string {
  if (parameters.length === 0) return "NIL";
  return `(${parameters.map(({ name, value }) => `${formatString(name)} ${formatString(value)}`).join(" ")})`;
}
