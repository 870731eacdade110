/**
 * The hash and the layout constants of cdb, shared by reader and writer [spec formats 9].
 */

/** Bytes of the table of 256 (position, slots) pairs in front of the records. */
export const HEADER_BYTES = 2048;
/** Hash tables of a file. */
export const TABLES = 256;
/** Largest file: positions are 32 bits. */
export const CDB_BYTES_MAX = 0xffffffff;
/** The hash of no bytes. */
export const HASH_START = 5381;

/** The cdb hash of a key; `start` is the hash of the bytes before, where they come in parts. */
export function cdbHash(key: Uint8Array, start = HASH_START): number {
  let hash = start;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash, 33) ^ key[at]!;
  return hash >>> 0;
}
