/**
 * The hash and the layout constants of cdb, shared by reader and writer [spec formats 9].
 */

/** Bytes of the table of 256 (position, slots) pairs in front of the records. */
export const HEADER_BYTES = 2048;
/** Largest file: positions are 32 bits. */
export const CDB_BYTES_MAX = 0xffffffff;

/** The cdb hash of a key. */
export function cdbHash(key: Uint8Array): number {
  let hash = 5381;
  for (let at = 0; at < key.length; at++) hash = (((hash << 5) + hash) ^ key[at]!) >>> 0;
  return hash;
}
