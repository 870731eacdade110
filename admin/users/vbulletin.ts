/**
 * vbulletin: puts a message into the mailboxes of a domain's users, or lets it wait for their next login.
 */
import { defineApplet } from "../../core/applet.ts";
import { latin1Text } from "../../core/bytes.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { BULLETIN_FOLDER } from "../../storage/accounts/tables/bulkmail.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { inputFile } from "../../storage/accounts/input_file.ts";
import { checkDomainName, GROUP_MARK, shown } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { type BulletinKind, giveBulletin } from "../../storage/maildir/bulletins.ts";

/** Width of the table's column. */
const NAME_MAX = 64;

export const applet = defineApplet({
  names: ["vbulletin"],
  section: 1,
  summary: "deliver a bulletin to the users of virtual domains",
  role: "admin",
  dialect: "admin",
  options: {
    file: { flag: "f", value: "file", help: "the message" },
    exclude: { flag: "e", value: "file", help: "addresses that get nothing, a line each" },
    verbose: { flag: "V", help: "tell each address" },
    dryRun: { flag: "n", help: "deliver nothing; with -V a list of all addresses" },
    copy: { flag: "c", help: "copy the message (what is done without -h, -s, -a and -S)" },
    hard: { flag: "h", help: "make hard links; the message must be on the users' file system" },
    soft: { flag: "s", help: "make symbolic links; when the message is removed nobody can read it" },
    all: { flag: "a", help: "let it wait for the next login of everybody" },
    subscribers: { flag: "S", value: "file", help: "let it wait for the next login of the addresses of this file" },
  },
  operands: [{ name: "domain", help: "virtual domains; all unless given", optional: true, repeat: true }],
  description:
    "A user gets a bulletin once, however often the command is run. Waiting bulletins lie in the domain's folder " +
    "bulk_mail, those for everybody with ,all behind their names; a user who is added later gets them as well, until they " +
    "are removed there. Groups and inactive users get none.",
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  files: {
    "domains/DOMAIN/bulk_mail": "waiting bulletins",
    "Maildir/bulletins": "what the user has got",
  },
  exits: { 0: "done", 1: "a step failed" },
  examples: [{ command: "vbulletin -f notice.eml example.org", help: "everybody of the domain has it at once" }],
  seeAlso: ["vadduser(1)", "valias(1)"],
  source: ["[man vbulletin.1]", "[spec formats 26]"],
  async run(proc) {
    const { options, args } = proc;
    const kinds = [options.copy, options.hard, options.soft, options.all, options.subscribers !== undefined];
    if (kinds.filter(Boolean).length > 1) throw new Usage("only one of -c, -h, -s, -a and -S");
    if (options.all && options.exclude !== undefined) throw new Usage("-e cannot keep back what -a lets wait: use -S");
    if (options.file === undefined && !options.dryRun) throw new Usage("give the message with -f");
    const text = await withCommand(proc, {}, async (command) => {
      const path = options.file === undefined ? "" : await messagePath(command, options.file);
      const excluded = new Set(options.exclude === undefined ? [] : await readAddresses(command, options.exclude));
      const domains = args.length > 0
        ? await Promise.all(args.map((name) => command.realDomain(checkDomainName(name))))
        : (await command.domains.list()).filter((domain) => domain.aliasOf === undefined);
      const plan = {
        path,
        excluded,
        kind: (options.hard ? "link" : options.soft ? "symlink" : "copy") as BulletinKind,
        dryRun: options.dryRun,
        hostName: command.control.line("me") ?? "localhost",
      };
      const told: string[] = [];
      if (options.subscribers !== undefined) {
        told.push(
          ...await letWait(command, domains, { ...plan, addresses: await readAddresses(command, options.subscribers) }),
        );
      } else if (options.all) {
        for (const domain of domains) {
          if (options.verbose) told.push(...await giveAll(command, domain, { ...plan, dryRun: true }));
          if (!plan.dryRun) await store(command, domain, { path, suffix: ",all" });
        }
      } else for (const domain of domains) told.push(...await giveAll(command, domain, plan));
      return options.verbose ? told.map((address) => `${address}\n`).join("") : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return await runPostHandle(proc, args);
  },
});

/** The message by its whole path: links lead there. */
async function messagePath({ disk }: Command, file: string): Promise<string> {
  const path = await inputFile(file, Deno.realPath);
  if ((await disk.stat(path)).kind === "file") return path;
  throw new Permanent(`${shown(file)} is not a file`);
}

async function readAddresses({ disk }: Command, path: string): Promise<string[]> {
  const bytes = await inputFile(path, (name) => disk.readFile(name));
  return latin1Text(bytes).split("\n").map((line) => line.trim().toLowerCase())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

interface Plan {
  readonly path: string;
  readonly excluded: ReadonlySet<string>;
  readonly kind: BulletinKind;
  readonly dryRun: boolean;
  readonly hostName: string;
}

/** Into every mailbox of a domain, now; the addresses. */
async function giveAll(command: Command, domain: DomainEntry, plan: Plan): Promise<string[]> {
  const given: string[] = [];
  for await (const user of command.accounts.users.list(domain.domain)) {
    const address = `${user.name}@${user.domain}`;
    if (user.inactive || user.gecos.startsWith(GROUP_MARK) || plan.excluded.has(address)) continue;
    given.push(address);
    if (plan.dryRun) continue;
    await command.users.makeHome(user, domain);
    try {
      await giveBulletin({
        disk: command.disk,
        maildir: `${user.home}/Maildir`,
        path: plan.path,
        kind: plan.kind,
        hostName: plan.hostName,
        owner: domain,
      });
    } catch (error) {
      if (!(error instanceof Error) || !/os error 18|cross-device/i.test(error.message)) throw error;
      throw new Permanent(`${plan.path} is on another file system than ${user.home}: use -c or -s`);
    }
  }
  return given;
}

/** For the next login of those of the list who are users here. */
async function letWait(
  command: Command,
  domains: readonly DomainEntry[],
  plan: Plan & { readonly addresses: readonly string[] },
): Promise<string[]> {
  const waiting: string[] = [];
  const stored = new Map<string, string>();
  for (const address of plan.addresses) {
    const at = address.lastIndexOf("@");
    const domain = domains.find((one) => one.domain === address.slice(at + 1));
    if (!domain || plan.excluded.has(address)) continue;
    if (!await command.accounts.users.find(address.slice(0, at), domain.domain)) continue;
    waiting.push(address);
    if (plan.dryRun) continue;
    const name = stored.get(domain.domain) ?? await store(command, domain, { path: plan.path, suffix: "" });
    stored.set(domain.domain, name);
    await command.accounts.bulletins.add(address, name);
  }
  return waiting;
}

/** Puts the message into the domain's folder of bulletins; its name there. */
async function store(
  { disk }: Command,
  domain: DomainEntry,
  what: { readonly path: string; readonly suffix: string },
): Promise<string> {
  const name = `${what.path.slice(what.path.lastIndexOf("/") + 1)}${what.suffix}`;
  if (name.length > NAME_MAX) throw new Permanent(`the name ${name} is longer than ${NAME_MAX} characters`);
  const folder = `${domain.directory}/${BULLETIN_FOLDER}`;
  await disk.mkdir(folder, { recursive: true, mode: 0o755 });
  const temporary = `${folder}/.new.${Deno.pid}`;
  const file = await disk.open(temporary, { write: true, create: true, truncate: true, mode: 0o644 });
  try {
    await file.append(await disk.readFile(what.path));
    await file.sync({ metadata: true });
  } finally {
    file.close();
  }
  if (Deno.uid() === 0) { for (const path of [folder, temporary]) await disk.chown(path, domain.uid, domain.gid); }
  await disk.rename(temporary, `${folder}/${name}`);
  await disk.syncDirectory(folder);
  return name;
}
