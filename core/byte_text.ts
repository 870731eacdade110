/**
 * Arguments and environment variables as bytes: the runtime gives them as text, but addresses are latin1 text, one
 * character a byte. Both ways, nothing lost (core/environment.ts says how bytes that are no UTF-8 come in).
 */
import { latin1Bytes, latin1Text, utf8Bytes } from "./bytes.ts";
import { escapedText } from "./environment.ts";

// deno-lint-ignore no-control-regex -- all of ASCII is the same in both
const ASCII = /^[\x00-\x7f]*$/;

/** The bytes of an argument or variable, as latin1 text. */
export function byteText(text: string): string {
  if (ASCII.test(text)) return text;
  let bytes = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    const escaped = character.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    bytes += escaped ? String.fromCharCode(code & 0xff) : latin1Text(utf8Bytes(character));
  }
  return bytes;
}

/** Latin1 text as an argument, variable or file name that stands for the same bytes. */
export function systemText(bytes: string): string {
  return ASCII.test(bytes) ? bytes : escapedText(latin1Bytes(bytes));
}
