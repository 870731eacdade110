/** Text that came from outside as part of a header line. Latin1. */
import { formatAddrSpec } from "../../mail/address/format.ts";

/** Text without what would end the line. */
export function headerText(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what must not reach a header
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f]+/g, " ").trim();
}

/** An envelope address as header text: quoted where it must be. */
export function headerAddress(address: string): string {
  const at = address.lastIndexOf("@");
  return headerText(at < 0 ? formatAddrSpec(address, "") : formatAddrSpec(address.slice(0, at), address.slice(at + 1)));
}
