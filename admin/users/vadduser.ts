/**
 * vadduser: adds a user to a virtual domain.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV, limitsInForce, refuseForbidden, refuseMore } from "../../storage/accounts/domains/limit_checks.ts";
import { checkFolder, checkGecos } from "../../storage/accounts/names.ts";
import {
  askPassword,
  makePassword,
  PASSWORD_OPTIONS,
  RANDOM_OPTION,
  randomPasswordOf,
} from "../../storage/accounts/password_choice.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { ControlFiles } from "../../storage/control/control.ts";

export const applet = defineApplet({
  names: ["vadduser"],
  section: 1,
  summary: "add a user to a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell what was made" },
    ...PASSWORD_OPTIONS,
    ...RANDOM_OPTION,
    comment: { flag: "c", value: "comment", default: "the user's name", help: "the comment (gecos) of the user" },
    makeDirectory: { flag: "d", help: "make home and Maildir now, not at the first mail or login" },
    basePath: { flag: "B", value: "folder", default: "the domain's, or BASE_PATH", help: "base of the user's home" },
    balance: { flag: "b", help: "base is the file system of table fstab that is used least" },
    usersPerLevel: { flag: "l", value: "users", default: "100", help: "users of one directory" },
    quota: { flag: "q", value: "bytes", default: "50m", help: "quota, with k, m or g, or NOQUOTA" },
    hostId: { flag: "H", value: "hostid", help: "host of the user, in a cluster" },
    mdaHost: { flag: "M", value: "host", help: "delivery host of the user, in a cluster" },
    inactive: { flag: "i", help: "the user is inactive until the first login" },
  },
  operands: [
    { name: "address", help: "user@domain; without a domain the default one" },
    { name: "password", help: "asked for unless given", optional: true },
  ],
  description: `vadduser adds a user. Names are of letters, digits, dots, - and _, and are made lower case. The home is
BASE/{A2E,F2K,L2P,Q2S,T2Zsym}/DOMAIN/USER by the name's first letter; with every hundred users a new directory 0, 1, …
comes between domain and user.`,
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
  exits: { 0: "the user is there", 1: "a step failed; the message says which" },
  examples: [{ command: "vadduser -q 1g alice@example.org secret", help: "adds alice with a quota of one gigabyte" }],
  seeAlso: ["vdeluser(1)", "vpasswd(1)", "vmoduser(1)", "vuserinfo(1)", "vadddomain(1)"],
  source: ["[man vadduser.9]"],
  async run(proc) {
    const { options, args } = proc;
    if (options.hostId !== undefined || options.mdaHost !== undefined) {
      throw new Permanent("-H, -M: this host is in no cluster (it has no central database)");
    }
    const text = await withCommand(proc, {}, async (command) => {
      const { address, domain } = await command.locate(args[0] ?? "");
      const { users, fileSystems } = command.accounts;
      const named = `${address.name}@${address.domain}`;
      if (await users.find(address.name, address.domain)) throw new Permanent(`${named} exists already`);
      const environment = { limits: proc.env.get("DOMAIN_LIMITS"), hash: proc.env.get("PASSWORD_HASH") };
      const limits = await limitsInForce(command, domain, { name: address.name, environment: environment.limits });
      if (limits) {
        const { active, inactive } = await users.count(address.domain);
        refuseMore(limits, address.domain, { of: "account", count: active + inactive });
      }
      if (options.quota !== undefined) refuseForbidden(limits, address.domain, { of: "quota", act: "create" });
      const clear = args[1] ??
        (options.random === undefined ? await askPassword(proc, named) : randomPasswordOf(options.random));
      const own = new ControlFiles(domain.directory);
      const defaults = { environment: environment.hash, control: [own, command.control] };
      const columns = await makePassword(clear, options, defaults);
      const me = command.control.line("me") ?? "localhost";
      const leastUsed = options.balance ? (await fileSystems.leastUsed(me))?.filesystem : undefined;
      if (options.balance && leastUsed === undefined) throw new Permanent("-b: no file system of table fstab has room");
      const basePath = leastUsed ?? (options.basePath === undefined ? undefined : checkFolder("-B", options.basePath));
      const added = await command.domains.locked(() =>
        command.users.add(address, domain, {
          ...columns,
          gecos: checkGecos(options.comment ?? address.name),
          inactive: options.inactive,
          makeDirectory: options.makeDirectory,
          ...(options.quota === undefined ? {} : { quota: options.quota }),
          ...(basePath === undefined ? {} : { basePath }),
          ...(options.usersPerLevel === undefined ? {} : { usersPerDirectory: perLevel(options.usersPerLevel) }),
        })
      );
      if (added === "exists") throw new Permanent(`${named} exists already`);
      await command.forget(named);
      const random = args[1] === undefined && options.random !== undefined ? `Password is ${clear}\n` : "";
      return random + (options.verbose ? `added ${named}, home ${added.home}, quota ${added.quota}\n` : "");
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return await runPostHandle(proc, [args[0] ?? ""]);
  },
});

function perLevel(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Usage(`-l ${text}: not a number of users`);
  return Number(text);
}
