/** Bytes as cat -v, -e and -t show them. */

/** What is made visible. */
export interface Visible {
  /** Control characters as ^X, bytes above 127 as M-X; not LF and TAB. */
  readonly controls: boolean;
  readonly tabs: boolean;
  readonly ends: boolean;
}

const LF = 10;
const TAB = 9;
const DELETE = 127;
const DOLLAR = 36;

/** What each byte becomes. */
export function visibleTable(show: Visible): readonly Uint8Array[] {
  const encoder = new TextEncoder();
  return Array.from({ length: 256 }, (_, byte) => {
    if (byte === LF) return Uint8Array.from(show.ends ? [DOLLAR, LF] : [LF]);
    if (byte === TAB) return show.tabs ? encoder.encode("^I") : Uint8Array.of(TAB);
    return show.controls ? encoder.encode(visibleByte(byte)) : Uint8Array.of(byte);
  });
}

function visibleByte(byte: number): string {
  if (byte >= 128) return `M-${visibleByte(byte - 128)}`;
  if (byte === DELETE) return "^?";
  return byte < 32 ? `^${String.fromCharCode(byte + 64)}` : String.fromCharCode(byte);
}

/** All bytes by the table. */
export function showBytes(bytes: Uint8Array, table: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const shown = new Uint8Array(bytes.length * 4);
  let used = 0;
  for (const byte of bytes) for (const each of table[byte]!) shown[used++] = each;
  return shown.subarray(0, used);
}
