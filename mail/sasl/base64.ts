/** Base64 of SASL: strict, padded, one line [rfc4648 4], as SMTP AUTH, IMAP AUTHENTICATE and SCRAM need it. */
import { Buffer } from "node:buffer";

/** The base64 text of bytes. */
export function formatBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** The bytes of base64 text; undefined when it is not padded, canonical base64. */
export function parseBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  return formatBase64(bytes) === text ? bytes : undefined;
}
