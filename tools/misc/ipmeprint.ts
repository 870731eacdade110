/** ipmeprint: the addresses that count as this host. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { formatIp, tryParseIp } from "../../core/ip_address.ts";

/** Addresses that always mean this host, in IPv6 and IPv4. */
const THIS_HOST = ["::", "0.0.0.0"];

/** Addresses of a control file, one a line; none when it is absent. */
function listed(path: string): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

/** The addresses of all lists in order, each once and in its short form, without those of `except`. */
export function localAddresses(lists: readonly string[], except: readonly string[]): string[] {
  const short = (text: string) => {
    const bytes = tryParseIp(text);
    return bytes ? [formatIp(bytes)] : [];
  };
  const left = new Set(except.flatMap(short));
  return [...new Set(lists.flatMap(short))].filter((address) => !left.has(address));
}

export const applet = defineApplet({
  names: ["ipmeprint"],
  section: 8,
  summary: "print the addresses that count as this host",
  role: "tool",
  dialect: "qmail",
  options: {},
  description:
    `ipmeprint prints the addresses of all network interfaces, IPv4 and IPv6, with those of the control file moreipme
and without those of notipme: mail for one of them is mail for this host.`,
  control: ["moreipme", "notipme"],
  seeAlso: ["qmail-remote(8)", "qmail-smtpd(8)"],
  source: ["[man ipmeprint.8]"],
  async run(proc) {
    const own = Deno.networkInterfaces().map(({ address }) => address.replace(/%.*/, ""));
    const lists = [...THIS_HOST, ...own, ...listed(`${proc.paths.control}/moreipme`)];
    const addresses = localAddresses(lists, listed(`${proc.paths.control}/notipme`));
    const lines = addresses.map((address) => `${address.includes(":") ? "ipv6" : "ipv4"} -> ${address}\n`);
    await proc.stdout.write(utf8Bytes(lines.join("")));
  },
});
