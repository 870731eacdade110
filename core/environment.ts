/**
 * The whole environment of this process, for programs that hand it on. Deno leaves out variables that are not UTF-8;
 * here they are kept: a byte that is not text stands as a lone surrogate, U+DC00 plus the byte, and cString (libc.ts)
 * makes the byte of it again. So what comes in goes out as it was.
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of bytes of any kind, for the C library and back: UTF-8, or byte for byte where it is none. */
export function escapedText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join("");
  }
}

let escaped: Readonly<Record<string, string>> | undefined;

/** Variables that Deno does not show. They never change: no program of ours sets such a one. */
function escapedVariables(): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync("/proc/self/environ");
  } catch {
    return found; // a role that may not read it
  }
  for (let at = 0; at < bytes.length;) {
    const nul = bytes.indexOf(0, at);
    const end = nul < 0 ? bytes.length : nul;
    const text = escapedText(bytes.subarray(at, end));
    const equals = text.indexOf("=");
    if (equals > 0 && /[\udc80-\udcff]/u.test(text)) found[text.slice(0, equals)] = text.slice(equals + 1);
    at = end + 1;
  }
  return found;
}

/** All variables. */
export function wholeEnvironment(): Record<string, string> {
  escaped ??= escapedVariables();
  return { ...escaped, ...Deno.env.toObject() };
}
