/**
 * vadduser: adds a user to a virtual domain, or all users of a file.
 */
import { defineApplet, type OptionSpecs, type OptionValues, type Proc } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV } from "../../storage/accounts/domains/limit_checks.ts";
import { checkNewUser } from "../../storage/accounts/domains/limit_quotas.ts";
import { ALWAYS_ACTIVE, checkFolder, checkGecos, shown } from "../../storage/accounts/names.ts";
import {
  askPassword,
  makePassword,
  PASSWORD_OPTIONS,
  RANDOM_OPTION,
  randomPasswordOf,
} from "../../storage/accounts/password_choice.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import type { BatchPlaces } from "../../storage/accounts/user_batch.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { addedText } from "./user_report.ts";

const OPTIONS = {
  verbose: { flag: "v", help: "tell what was made" },
  ...PASSWORD_OPTIONS,
  ...RANDOM_OPTION,
  comment: { flag: "c", value: "comment", default: "the user's name", help: "the comment (gecos) of the user" },
  makeDirectory: { flag: "d", help: "make home and Maildir now, not at the first mail or login" },
  basePath: { flag: "B", value: "folder", default: "the domain's, or BASE_PATH", help: "base of the user's home" },
  balance: { flag: "b", help: "base is the file system of table fstab that is used least" },
  usersPerLevel: { flag: "l", value: "users", default: "100", help: "users of one directory" },
  quota: {
    flag: "q",
    value: "bytes",
    default: "50m, or that of the domain's limits",
    help: "quota, with k, m or g, or NOQUOTA",
  },
  hostId: { flag: "H", value: "hostid", help: "host of the user, in a cluster" },
  mdaHost: { flag: "M", value: "host", help: "delivery host of the user, in a cluster" },
  inactive: { flag: "i", help: "the user is inactive until the first login; not postmaster and abuse" },
  csv: {
    long: "csv",
    value: "file",
    help: "add the users of this file of comma-separated values; - is standard input",
  },
  vpasswd: {
    long: "vpasswd",
    value: "file",
    help: "add the users of this file of lines address:hash, as vpasswd has them",
  },
  domain: {
    long: "domain",
    value: "domain",
    default: "the default one",
    help: "domain of addresses of a file without one",
  },
  keepGoing: { long: "keep-going", help: "go on behind a line of a file that is wrong" },
} as const satisfies OptionSpecs;

export const applet = defineApplet({
  names: ["vadduser"],
  section: 1,
  summary: "add a user to a virtual domain",
  role: "admin",
  dialect: "admin",
  options: OPTIONS,
  operands: [
    { name: "address", help: "user@domain; without a domain the default one", optional: true },
    { name: "password", help: "asked for unless given", optional: true },
  ],
  description: `vadduser adds a user. Names are of letters, digits, dots, - and _, and are made lower case. The home is
BASE/{A2E,F2K,L2P,Q2S,T2Zsym}/DOMAIN/USER by the name's first letter; with every hundred users a new directory 0, 1, …
comes between domain and user. A password that is not given is asked for twice on the terminal, without echo; without a
terminal it is the first line of standard input.

With --csv the users of a file are added, in UTF-8, one a line: address, password, quota, name, the last ones optional;
fields may be in double quotes. A first line may name the columns, in any order: address (or email), password, hash, quota,
name (or comment, gecos). A password that begins like a crypt(3) string ($6$…, also {SHA512-CRYPT}$6$…) is stored as it
is, as is one in the column hash, where old DES hashes have to be; any other is hashed. With -r an empty one is made, and
printed as a line address,password. With --vpasswd the file has lines address:hash or those of a vpasswd file, of which name,
hash, comment and quota are taken (indimail adopt keeps flags and homes as well). All other options hold for every user
of the file; what a line says comes before -q and -c.

Users go into the database in batches of a thousand, each of which is there whole or not at all. An address that is taken is
passed over and left as it is, so that a run that was ended at any point is simply run again; with -d it also makes the
homes that are missing. A line that is wrong ends the run behind the users before it, unless --keep-going is given: then it
is told with its number, and the exit code is 1 in the end. The post handle runs for each user that was added, in batches of
twenty. A bar shows the progress on a terminal.

Where the limits of the domain are in force (vlimit), a user is refused that is one too many, or whose quota, together with
those of the others, comes to more than the domain's.`,
  env: {
    ...COMMAND_ENV,
    BASE_PATH: "base of the users' homes; default /home/mail",
    ...LIMITS_ENV,
  },
  control: COMMAND_CONTROL,
  files: {
    "domains/DOMAIN/.base_path": "base of the users' homes",
    "domains/DOMAIN/hash_method": "hash of the domain",
  },
  exits: { 0: "the user is there, or all of the file", 1: "a step failed, or a line; the message says which" },
  examples: [
    { command: "vadduser -q 1g alice@example.org secret", help: "adds alice with a quota of one gigabyte" },
    {
      command: "vadduser --csv users.csv --keep-going",
      help: "adds the users of a file, and tells which lines are wrong",
    },
    {
      command: "vadduser --vpasswd domains/example.org/vpasswd --domain example.org",
      help: "adds the users of an old domain with their passwords",
    },
  ],
  seeAlso: ["vdeluser(1)", "vpasswd(1)", "vmoduser(1)", "vuserinfo(1)", "vadddomain(1)", "vlimit(1)"],
  source: ["[man vadduser.9]", "[decision 0087]"],
  async run(proc) {
    const { options, args } = proc;
    if (options.hostId !== undefined || options.mdaHost !== undefined) {
      throw new Permanent("-H, -M: this host is in no cluster (it has no central database)");
    }
    if (options.csv !== undefined || options.vpasswd !== undefined) {
      if (options.csv !== undefined && options.vpasswd !== undefined) throw new Usage("--csv or --vpasswd, not both");
      if (args.length > 0) throw new Usage(`${args[0]}: the users come from a file`);
      const { addFile } = await import("./bulk_run.ts");
      return await withCommand(proc, {}, async (command) => {
        const places = await placesOf(command, options);
        return await addFile(proc, command, { ...options, places });
      });
    }
    if (args[0] === undefined) throw new Usage("missing address");
    if (options.domain !== undefined || options.keepGoing) throw new Usage("--domain, --keep-going: with a file only");
    const text = await withCommand(proc, {}, (command) => addOne(proc, command, options));
    await proc.stdout.write(new TextEncoder().encode(text));
    return await runPostHandle(proc, [args[0] ?? ""]);
  },
});

type Options = OptionValues<typeof OPTIONS>;

/** Adds the user of the operands; what is to be told. */
async function addOne(proc: Proc<typeof OPTIONS>, command: Command, options: Options): Promise<string> {
  const { args } = proc;
  const { address, domain } = await command.locate(args[0] ?? "");
  const { users } = command.accounts;
  const named = `${address.name}@${address.domain}`;
  if (await users.find(address.name, address.domain)) throw new Permanent(`${named} exists already`);
  const environment = { limits: proc.env.get("DOMAIN_LIMITS"), hash: proc.env.get("PASSWORD_HASH") };
  const asked = { name: address.name, quota: options.quota, environment: environment.limits };
  await checkNewUser(command, domain, asked); // before a password is asked for
  const clear = args[1] ??
    (options.random === undefined ? await askPassword(proc, named) : randomPasswordOf(options.random));
  const own = new ControlFiles(domain.directory);
  const columns = await makePassword(clear, options, {
    environment: environment.hash,
    control: [own, command.control],
  });
  const places = await placesOf(command, options);
  const added = await command.domains.locked(async () => {
    const quota = await checkNewUser(command, domain, asked);
    return await command.users.add(address, domain, {
      ...columns,
      gecos: checkGecos(options.comment ?? address.name),
      inactive: options.inactive && !ALWAYS_ACTIVE.includes(address.name),
      makeDirectory: options.makeDirectory,
      quota,
      ...places,
    });
  });
  if (added === "exists") throw new Permanent(`${named} exists already`);
  await command.forget(named);
  const random = args[1] === undefined && options.random !== undefined ? `Password is ${clear}\n` : "";
  return random + (options.verbose ? addedText(added) : "");
}

/** Where homes are asked to be: -b, -B and -l. */
async function placesOf(command: Command, options: Options): Promise<BatchPlaces> {
  const me = command.control.line("me") ?? "localhost";
  const leastUsed = options.balance ? (await command.accounts.fileSystems.leastUsed(me))?.filesystem : undefined;
  if (options.balance && leastUsed === undefined) throw new Permanent("-b: no file system of table fstab has room");
  const basePath = leastUsed ?? (options.basePath === undefined ? undefined : checkFolder("-B", options.basePath));
  return {
    ...(basePath === undefined ? {} : { basePath }),
    ...(options.usersPerLevel === undefined ? {} : { usersPerDirectory: perLevel(options.usersPerLevel) }),
  };
}

function perLevel(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Usage(`-l ${shown(text)}: not a number of users`);
  return Number(text);
}
