/**
 * CRC-32C (Castagnoli), the checksum of the journal's records: eight bytes a step by tables. Over 1 GB/s where messages
 * come at tens of MB/s.
 */

/** Reflected polynomial [rfc3720 12.1]. */
const POLYNOMIAL = 0x82f63b78;
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0);
    tables[byte] = value;
  }
  for (let slice = 1; slice < 8; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const value = tables[(slice - 1) * 256 + byte]!;
      tables[slice * 256 + byte] = (value >>> 8) ^ tables[value & 255]!;
    }
  }
  return tables;
}

/** The checksum of bytes, unsigned; `seed` is the checksum of what came before them. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  const t = TABLES;
  let crc = ~seed;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc ^= bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    crc = t[1792 + (crc & 255)]! ^ t[1536 + (crc >>> 8 & 255)]! ^ t[1280 + (crc >>> 16 & 255)]! ^
      t[1024 + (crc >>> 24)]! ^ t[768 + bytes[at + 4]!]! ^ t[512 + bytes[at + 5]!]! ^ t[256 + bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}
