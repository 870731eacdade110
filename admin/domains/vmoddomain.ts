/**
 * vmoddomain: changes what becomes of mail for nobody, whether limits apply, and the password hash of a virtual domain.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { tryParseIp } from "../../core/ip_address.ts";
import { pathExists } from "../../core/path_exists.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { deliveryLine, type DomainEntry } from "../../storage/accounts/domain_store.ts";
import { DOMAIN_LIMITS_FILE } from "../../storage/accounts/domains/limit_checks.ts";
import { readLineFile, writeLineFile } from "../../storage/accounts/line_file.ts";
import { openMailRoot } from "../../storage/accounts/mail_roots.ts";
import { checkDomainName, checkFallback, checkFolder } from "../../storage/accounts/names.ts";

/** Numbers and names that -H takes [man vmoddomain.9]. */
const HASHES = ["DES", "MD5", "SHA-256", "SHA-512", "YESCRYPT"] as const;
/** A line of .qmail-default that vadddomain or vmoddomain wrote. */
const DELIVERY_LINE = /^\|\s*\S*\/(vdelivermail|vfilter)\s+''\s+(\S+)$/;

export const applet = defineApplet({
  names: ["vmoddomain"],
  section: 1,
  summary: "change delivery, limits or password hash of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell what was changed" },
    limits: { flag: "l", value: "0 or 1", help: "whether the domain's limits (vlimit) are in force" },
    filter: { flag: "f", value: "0 or 1", help: "whether mail is delivered by vfilter" },
    handler: {
      flag: "h",
      value: "handler",
      help: "what becomes of mail for users that are not found: delete, bounce-no-mailbox, a Maildir by its whole " +
        "path, an address to forward to, or domain:ip:port of the server that has the user",
    },
    hash: {
      flag: "H",
      value: "hash",
      help: "hash of the domain's passwords: 0 DES, 1 MD5, 2 SHA-256, 3 SHA-512, 4 YESCRYPT",
    },
  },
  operands: [{ name: "domain", help: "a virtual domain" }],
  description:
    `vmoddomain changes what the options name and nothing else. -f and -h write the domain's .qmail-default; where only
one of them is given, the other stays as it is.`,
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  files: {
    "domains/DOMAIN/.qmail-default": "what is done with the domain's mail",
    "domains/DOMAIN/.domain_limits": "there when the domain's limits are in force",
    "domains/DOMAIN/hash_method": "hash of the domain's passwords, before that of control/hash_method",
  },
  exits: { 0: "the domain is changed", 1: "there is no such domain, or a step failed" },
  examples: [{ command: "vmoddomain -f 1 -h bounce-no-mailbox example.org", help: "filters mail, bounces the rest" }],
  seeAlso: ["vadddomain(1)", "vlimit(1)", "vdominfo(1)", "vdelivermail(8)"],
  source: ["[man vmoddomain.9]"],
  async run(proc) {
    const { limits, filter, handler, hash } = proc.options;
    if ((limits ?? filter ?? handler ?? hash) === undefined) throw new Usage("nothing to change: give an option");
    const asked = {
      limits: onOff("-l", limits),
      filter: onOff("-f", filter),
      handler: handler === undefined ? undefined : checkHandler(handler),
      hash: hash === undefined ? undefined : hashName(hash),
    };
    const name = checkDomainName(proc.args[0] ?? "");
    const done = await withCommand(proc, {}, async (command) => {
      const lines = await command.domains.locked(async () =>
        await changeDomain(command, await command.realDomain(name), asked)
      );
      await command.reload();
      return lines;
    });
    if (proc.options.verbose) {
      await proc.stdout.write(new TextEncoder().encode(done.map((line) => `${line}\n`).join("")));
    }
  },
});

interface Changes {
  readonly limits: boolean | undefined;
  readonly filter: boolean | undefined;
  readonly handler: string | undefined;
  readonly hash: string | undefined;
}

/** Makes the changes; a line for each. */
async function changeDomain(command: Command, entry: DomainEntry, changes: Changes): Promise<string[]> {
  const { disk } = command;
  const { domain, directory } = entry;
  const done: string[] = [];
  if (changes.filter !== undefined || changes.handler !== undefined) {
    const line = await newDeliveryLine(command, entry, changes);
    if (changes.handler?.startsWith("/")) await openMailRoot(command, changes.handler);
    await writeLineFile(disk, `${directory}/.qmail-default`, [line]);
    done.push(`mail for ${domain}: ${line}`);
  }
  const limitsFile = `${directory}/${DOMAIN_LIMITS_FILE}`;
  if (changes.limits === true) await writeLineFile(disk, limitsFile, []);
  if (changes.limits === false && pathExists(limitsFile)) await disk.unlink(limitsFile);
  if (changes.limits !== undefined) done.push(`limits of ${domain}: ${changes.limits ? "in force" : "not in force"}`);
  if (changes.hash !== undefined) {
    await writeLineFile(disk, `${directory}/hash_method`, [changes.hash]);
    done.push(`hash of ${domain}: ${changes.hash}`);
  }
  return done;
}

/** What is not asked for stays as the present line has it. */
async function newDeliveryLine({ disk }: Command, entry: DomainEntry, changes: Changes): Promise<string> {
  const { filter, handler } = changes;
  if (filter !== undefined && handler !== undefined) return deliveryLine({ filter, fallback: handler });
  const path = `${entry.directory}/.qmail-default`;
  const lines = await readLineFile(disk, path) ?? [];
  const match = lines.length === 1 ? DELIVERY_LINE.exec(lines[0] ?? "") : null;
  if (!match) throw new Permanent(`${path} is not as vadddomain writes it: give both -f and -h to replace it`);
  return deliveryLine({ filter: filter ?? match[1] === "vfilter", fallback: handler ?? match[2] ?? "" });
}

function onOff(option: string, text: string | undefined): boolean | undefined {
  if (text !== undefined && text !== "0" && text !== "1") throw new Usage(`${option} ${JSON.stringify(text)}: 0 or 1`);
  return text === undefined ? undefined : text === "1";
}

function hashName(text: string): string {
  const found = HASHES.find((name, number) => name === text.toUpperCase() || String(number) === text);
  if (found === undefined) throw new Usage(`-H ${JSON.stringify(text)}: one of ${HASHES.join(", ")}, or its number`);
  return found;
}

function checkHandler(text: string): string {
  if (text === "delete" || text === "bounce-no-mailbox") return text;
  if (text.startsWith("/")) {
    const folder = checkFolder("-h", checkFallback("-h", text));
    const maildir = folder.endsWith("/Maildir") ? folder : `${folder}/Maildir`;
    const missing = ["cur", "new", "tmp"].find((part) => !pathExists(`${maildir}/${part}`));
    if (missing !== undefined) throw new Permanent(`-h ${text}: ${maildir} is no Maildir (make it with maildirmake)`);
    return folder;
  }
  const route = text.split(":");
  if (route.length === 3) {
    const [domain = "", host = "", port = ""] = route;
    checkDomainName(domain);
    if (!tryParseIp(host)) checkDomainName(host);
    if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65535) throw new Usage(`-h ${text}: ${port} is no port`);
    return text;
  }
  if (!/^[^@]+@[^@]+$/.test(text)) {
    throw new Permanent(
      `-h ${JSON.stringify(text)}: delete, bounce-no-mailbox, a Maildir's path, an address or domain:ip:port`,
    );
  }
  checkDomainName(text.slice(text.indexOf("@") + 1));
  return checkFallback("-h", text);
}
