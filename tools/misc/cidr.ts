/** cidr: a range of addresses as networks. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import { formatIp, tryParseIp } from "../../core/ip_address.ts";
import { addressBytes, addressNumber, networksOf } from "./cidr_ranges.ts";

function parse(text: string): Uint8Array {
  const bytes = tryParseIp(text);
  if (!bytes) throw new Permanent(`${text} is not an IP address`);
  return bytes;
}

export const applet = defineApplet({
  names: ["cidr"],
  section: 1,
  summary: "turn a range of addresses into networks",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "from", help: "the first address" }, { name: "to", help: "the last address" }],
  description:
    `cidr prints the fewest networks that hold the addresses of the range and no others, each as ADDRESS/BITS on a
line of its own. Both addresses are IPv4, or both are IPv6.`,
  exits: { "100": "one of the addresses is none, or the last lies before the first" },
  examples: [{ command: "cidr 192.0.2.0 192.0.2.130", help: "192.0.2.0/25, 192.0.2.128/31, 192.0.2.130/32" }],
  source: ["[man cidr.1]"],
  async run(proc) {
    const [from, to] = [parse(proc.args[0] ?? ""), parse(proc.args[1] ?? "")];
    if (from.length !== to.length) throw new Permanent("one address is IPv4, the other IPv6");
    const lines = [...networksOf(addressNumber(from), addressNumber(to), from.length * 8)]
      .map(({ first, bits }) => `${formatIp(addressBytes(first, from.length))}/${bits}\n`);
    if (lines.length === 0) throw new Permanent(`${proc.args[1]} lies before ${proc.args[0]}`);
    await proc.stdout.write(utf8Bytes(lines.join("")));
  },
});
