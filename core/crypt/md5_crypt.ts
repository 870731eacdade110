/** `$1$`: a thousand rounds of MD5 [man crypt.5]; made by P.-H. Kamp for FreeBSD, the scheme of vpopmail. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { digitsOf } from "./alphabet.ts";

const ROUNDS = 1000;
const BYTES = 16;

/** The hash; undefined when the setting is none of this scheme. */
export function md5Crypt(password: Uint8Array, setting: string): string | undefined {
  const salt = /^\$1\$([^$]{0,8})/.exec(setting)?.[1];
  if (salt === undefined) return undefined;
  const saltBytes = Buffer.from(salt, "latin1");
  const other = md5([password, saltBytes, password]);
  const parts: Uint8Array[] = [password, Buffer.from("$1$"), saltBytes];
  for (let left = password.length; left > 0; left -= BYTES) parts.push(other.subarray(0, Math.min(BYTES, left)));
  for (let bits = password.length; bits > 0; bits >>= 1) {
    parts.push(bits & 1 ? Uint8Array.of(0) : password.subarray(0, 1));
  }
  let hash = md5(parts);
  for (let round = 0; round < ROUNDS; round++) {
    const odd = (round & 1) === 1;
    const texts: Uint8Array[] = [odd ? password : hash];
    if (round % 3 !== 0) texts.push(saltBytes);
    if (round % 7 !== 0) texts.push(password);
    texts.push(odd ? hash : password);
    hash = md5(texts);
  }
  return `$1$${salt}$${encoded(hash)}`;
}

function encoded(hash: Uint8Array): string {
  let text = "";
  for (let at = 0; at < 5; at++) {
    text += digitsOf(hash[at]! << 16 | hash[at + 6]! << 8 | hash[at === 4 ? 5 : at + 12]!, 4);
  }
  return text + digitsOf(hash[11]!, 2);
}

function md5(parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
