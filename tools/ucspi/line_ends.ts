/** Line ends CR LF and LF, for addcr, delcr, fixcrio and the programs that speak with people: bytes in, bytes out. */

const CR = 13;
const LF = 10;

/** One direction of bytes: a piece in, a piece out. The result may be a view that the next call reuses. */
export interface LineEndFilter {
  push(bytes: Uint8Array): Uint8Array;
  /** What is still held at the end. */
  end(): Uint8Array;
}

/** The scratch space of a filter, large enough for the next piece. */
class Scratch {
  #bytes = new Uint8Array(0);

  sized(length: number): Uint8Array {
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
    return this.#bytes;
  }
}

const NOTHING = new Uint8Array(0);

/** A CR before each LF; with `unlessThere` only where there is none. */
export function crAdder(options: { readonly unlessThere: boolean }): LineEndFilter {
  const scratch = new Scratch();
  let last = 0;
  return {
    push(bytes) {
      const into = scratch.sized(bytes.length * 2);
      let length = 0;
      let start = 0;
      for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, start)) {
        into.set(bytes.subarray(start, at), length);
        length += at - start;
        const before = at > 0 ? bytes[at - 1] : last;
        if (!options.unlessThere || before !== CR) into[length++] = CR;
        into[length++] = LF;
        start = at + 1;
      }
      into.set(bytes.subarray(start), length);
      last = bytes[bytes.length - 1] ?? last;
      return into.subarray(0, length + bytes.length - start);
    },
    end: () => NOTHING,
  };
}

/** Removes one CR before each LF. */
export function crRemover(): LineEndFilter {
  const scratch = new Scratch();
  let held = false;
  return {
    push(bytes) {
      const into = scratch.sized(bytes.length + 1);
      let length = 0;
      if (held && bytes.length > 0) {
        if (bytes[0] !== LF) into[length++] = CR;
        held = false;
      }
      let start = 0;
      for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
        if (at + 1 < bytes.length && bytes[at + 1] !== LF) continue;
        into.set(bytes.subarray(start, at), length);
        length += at - start;
        start = at + 1;
        held = start === bytes.length;
      }
      into.set(bytes.subarray(start), length);
      return into.subarray(0, length + bytes.length - start);
    },
    end: () => held ? Uint8Array.of(CR) : NOTHING,
  };
}

const TAB = 9;
const DELETE = 127;

/** Makes control characters and bytes above 127 visible, as cat -v does: ^M, M-a; tabs and line feeds stay. */
export function visibleBytes(): LineEndFilter {
  const scratch = new Scratch();
  return {
    push(bytes) {
      const into = scratch.sized(bytes.length * 4);
      let length = 0;
      for (const byte of bytes) {
        let code = byte;
        if (code >= 128) {
          into[length++] = 0x4d; // M-
          into[length++] = 0x2d;
          code -= 128;
        } else if (code === TAB || code === LF) {
          into[length++] = code;
          continue;
        }
        if (code < 32 || code === DELETE) {
          into[length++] = 0x5e; // ^
          code ^= 64;
        }
        into[length++] = code;
      }
      return into.subarray(0, length);
    },
    end: () => NOTHING,
  };
}
