/**
 * vipmap: which virtual domain a local IP address stands for.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { formatIp, tryParseIp } from "../../core/ip_address.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";

export const applet = defineApplet({
  names: ["vipmap"],
  section: 1,
  summary: "map an IP address to a virtual domain",
  role: "admin",
  dialect: "qmail",
  options: {
    verbose: { flag: "v", help: "tell what was done" },
    add: { flag: "i", value: "ip", help: "this address stands for the domain, whatever it stood for before" },
    update: { flag: "u", value: "ip", help: "this address, which stands for a domain already, stands for that one" },
    remove: { flag: "d", value: "ip", help: "this address stands for the domain no more" },
    print: { flag: "p", help: "print all addresses (the default)" },
    show: { flag: "s", help: "print the addresses of the domain, or all" },
  },
  operands: [{ name: "domain", help: "a virtual domain", optional: true }],
  description:
    `Where a user logs in with a name without a domain, it is the domain that the server's own IP address of that connection
stands for (a host with several addresses can so serve several domains). Table: ip_alias_map.`,
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  exits: {
    0: "printed, or added; with -d and -u: nothing was changed",
    1: "with -d and -u: one address was changed",
    100: "wrong usage, or an argument is none",
    111: "the database cannot be reached",
  },
  examples: [{ command: "vipmap -i 192.0.2.7 example.org", help: "alice at 192.0.2.7 is alice@example.org" }],
  seeAlso: ["vdominfo(1)"],
  source: ["[man vipmap.1]"],
  async run(proc) {
    const { add, update, remove, print, show, verbose } = proc.options;
    const changes = [add, update, remove].filter((one) => one !== undefined);
    if (changes.length > 1 || (changes.length === 1 && (print || show))) {
      throw new Usage("one of -i, -u, -d, -p and -s at a time");
    }
    const [operand] = proc.args;
    const say = async (text: string) => await proc.stdout.write(new TextEncoder().encode(text));
    const [ipText] = changes;
    if (ipText === undefined) {
      const domain = operand === undefined ? undefined : checkDomainName(operand);
      const maps = await withCommand(proc, {}, ({ accounts }) => accounts.ipAliases.list(domain));
      await say(maps.map((one) => `${one.ipAddress} ${one.domain}\n`).join(""));
      if (maps.length === 0 && verbose) await say("no IP address is mapped\n");
      return 0;
    }
    if (operand === undefined) throw new Usage("missing domain");
    const domain = checkDomainName(operand);
    const ip = checkIp(ipText);
    return await withCommand(proc, {}, async (command) => {
      const { ipAliases } = command.accounts;
      if (remove === undefined && !await command.domains.find(domain)) {
        throw new Permanent(`domain ${domain} does not exist`);
      }
      const before = await ipAliases.find(ip);
      let changed = true;
      if (remove !== undefined) changed = await ipAliases.remove(ip, domain);
      else if (update !== undefined && before === undefined) changed = false;
      else await ipAliases.set(ip, domain);
      await command.forget();
      if (verbose) {
        await say(changed ? `${ip} ${remove === undefined ? domain : "removed"}\n` : `${ip}: nothing changed\n`);
      }
      return add === undefined && changed ? 1 : 0;
    });
  },
});

/** The address in its short form, by which connections are compared. */
function checkIp(text: string): string {
  const bytes = tryParseIp(text);
  if (!bytes) throw new Permanent(`${JSON.stringify(text)} is no IP address`);
  return formatIp(bytes);
}
