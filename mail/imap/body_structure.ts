/**
 * BODY and BODYSTRUCTURE of a message [rfc3501 7.4.2]: made once when a message enters the index, then copied. Types and
 * parameters are as written; sizes count network bytes.
 */
import { type ParameterValue, parseParameterValue } from "../mime/content_type.ts";
import { charsetOf, type ContentType, isType, type MimePart, transferEncodingOf } from "../mime/part.ts";
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
type Extension = (part: Pick<MimePart, "header" | "contentType">) => string;

/** Default of a text without one [rfc2046 4.1.2]. */
const US_ASCII = { name: "charset", value: "us-ascii" };

function structureText(part: MimePart, extended: Extension): string {
  if (isType(part.contentType, "multipart", "*")) {
    const tail = extended(part);
    const children = part.children.length > 0
      ? part.children.map((child) => structureText(child, extended)).join("")
      : formlessText(part, tail === "" ? "" : " NIL NIL NIL NIL");
    const parameters = tail === "" ? "" : ` ${parameterList(part.contentType.parameters)}`;
    return `(${children} ${formatString(part.contentType.subtype)}${parameters}${tail})`;
  }
  const message = isType(part.contentType, "message", "rfc822") ? part.children[0] : undefined;
  const { head, tail, counted } = textsAround(part, { extended, opaque: !message });
  let text = `${head}${part.end - part.bodyStart}`;
  if (message) text += ` ${envelopeText(message.header)} ${structureText(message, extended)} ${part.bodyLines}`;
  else if (counted) text += ` ${part.bodyLines}`;
  return text + tail;
}

/** The text of a part without parts below it, but for the numbers: head, size, lines where they are counted, tail. */
export interface LeafTexts {
  readonly head: string;
  readonly counted: boolean;
  readonly tail: string;
}

/** The texts around the numbers of a part without parts below it; they depend on its header only. */
export function leafTexts(part: Pick<MimePart, "header" | "contentType">, options: StructureOptions): LeafTexts {
  return textsAround(part, { extended: options.extended ? extension : () => "", opaque: true });
}

function textsAround(
  part: Pick<MimePart, "header" | "contentType">,
  options: { readonly extended: Extension; readonly opaque: boolean },
): LeafTexts {
  const { header, contentType } = part;
  // a message beyond the limits of nesting has no known structure: it is shown as plain bytes
  const opaque = options.opaque && isType(contentType, "message", "rfc822");
  const type = opaque ? "application" : contentType.type;
  const subtype = opaque ? "octet-stream" : contentType.subtype;
  const tail = options.extended(part);
  return {
    head: `(${formatString(type)} ${formatString(subtype)} ${parameterList(parametersOf(contentType))} ${
      formatNstring(header.value("content-id"))
    } ${formatNstring(header.value("content-description"))} ${formatString(transferEncodingOf(part))} `,
    counted: isType(contentType, "text", "*"),
    tail: tail === "" ? ")" : ` ${formatNstring(header.value("content-md5"))}${tail})`,
  };
}

/** A multipart in which no part is found has one all the same, as the grammar wants: its body as it is. */
function formlessText(part: MimePart, tail: string): string {
  return `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" ${part.end - part.bodyStart} ${part.bodyLines}${tail})`;
}

function parametersOf(contentType: ContentType): ParameterValue["parameters"] {
  const complete = !isType(contentType, "text", "*") || charsetOf(contentType) !== undefined;
  return complete ? contentType.parameters : [US_ASCII, ...contentType.parameters];
}

/** Disposition, language and location, each with a blank before it. */
function extension(part: Pick<MimePart, "header" | "contentType">): string {
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
