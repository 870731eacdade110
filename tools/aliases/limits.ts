/** Limits and checks that all forms of aliases and lists share [man setforward.1] [man setmaillist.1]. Latin1 text. */
import { Permanent } from "../../core/errors.ts";

/** Longest recipient address, bytes. */
export const ADDRESS_BYTES_MAX = 800;
/** Longest instruction, or alias with all its recipients, bytes. Ours. */
export const INSTRUCTION_BYTES_MAX = 256 * 1024 * 1024;

/** Gives the address back. Throws Permanent when it is too long. */
export function checkedAddress(address: string, where: string): string {
  if (address.length > ADDRESS_BYTES_MAX) {
    throw new Permanent(`${where}: an address may not have more than ${ADDRESS_BYTES_MAX} bytes`);
  }
  return address;
}

/** Throws Permanent for a NUL, which ends entries in the binary forms. */
export function refuseNul(text: string, where: string): void {
  if (text.includes("\0")) throw new Permanent(`${where}: NUL bytes are not permitted`);
}
