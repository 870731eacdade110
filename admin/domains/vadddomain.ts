/**
 * vadddomain: creates a virtual domain with its postmaster.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { addDomain, domainOwner } from "../../storage/accounts/add_domain.ts";
import { addAutoturnDomain } from "../../storage/accounts/autoturn.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkDomainName, checkFallback, checkFolder, shown } from "../../storage/accounts/names.ts";
import {
  askPassword,
  makePassword,
  PASSWORD_OPTIONS,
  RANDOM_OPTION,
  randomPasswordOf,
} from "../../storage/accounts/password_choice.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { quotaText } from "../../storage/accounts/user_store.ts";

export const applet = defineApplet({
  names: ["vadddomain"],
  section: 1,
  summary: "create a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell each step" },
    quota: { flag: "q", value: "bytes", default: "50m", help: "quota of postmaster, with k, m or g, or NOQUOTA" },
    usersPerLevel: { flag: "l", value: "users", default: "100", help: "users of one directory" },
    bounce: { flag: "b", help: "bounce mail for users that are not found (the default)" },
    forwardTo: { flag: "E", value: "address", help: "send mail for users that are not found there instead" },
    user: {
      flag: "u",
      value: "account",
      default: "indimail",
      help: "account of /etc/passwd that owns the domain's files",
    },
    basePath: { flag: "B", value: "folder", default: "BASE_PATH", help: "base of the users' homes" },
    directory: { flag: "d", value: "folder", help: "put the domain's folder below domains/ of that one" },
    uid: { flag: "i", value: "uid", help: "user id that owns the domain's files" },
    gid: { flag: "g", value: "gid", help: "group id that owns the domain's files" },
    checkRecipients: { flag: "R", help: "have qmail-smtpd check recipients of this domain" },
    optimize: { flag: "O", help: "do not tell the running daemons (for all but the last of many domains)" },
    filter: { flag: "f", help: "deliver with vfilter" },
    etrn: { flag: "t", help: "hold the domain's mail until it is asked for by ETRN" },
    autoturn: { flag: "T", value: "ip", help: "hold the domain's mail for the host with that address (AUTOTURN)" },
    ...PASSWORD_OPTIONS,
    ...RANDOM_OPTION,
    cluster: { flag: "c", help: "add a clustered domain" },
    database: { flag: "D", value: "name", help: "database of the domain, for a cluster" },
    host: { flag: "H", value: "host", help: "database server, for a cluster" },
    databaseUser: { flag: "U", value: "name", help: "user of the database, for a cluster" },
    databasePassword: { flag: "P", value: "password", help: "password of the database, for a cluster" },
    port: { flag: "p", value: "port", help: "port of the database server, for a cluster" },
  },
  operands: [
    { name: "domain", help: "name of the new domain" },
    { name: "password", help: "password of postmaster; asked for unless given", optional: true },
  ],
  description:
    `vadddomain makes the domain's folder with its .qmail-default, adds the domain to users/assign, makes the user
postmaster and the aliases abuse and mailer-daemon, and last adds the domain to virtualdomains and rcpthosts: from then
on mail is accepted. When a step fails, the same command finishes the work.`,
  env: { ...COMMAND_ENV, BASE_PATH: "base of the users' homes; default /home/mail" },
  control: [...COMMAND_CONTROL, "chkrcptdomains", "morercpthosts", "etrnhosts"],
  files: {
    "domains/DOMAIN/.qmail-default": "what is done with the domain's mail",
    "domains/DOMAIN/.base_path": "base of the users' homes, with -B",
    "users/assign": "which folder the domain has",
  },
  exits: { 0: "the domain is there", 1: "a step failed; the message says which" },
  examples: [{ command: "vadddomain example.org secret", help: "postmaster@example.org gets the password secret" }],
  seeAlso: ["vdeldomain(1)", "vadduser(1)", "vdominfo(1)", "valias(1)", "qmail-users(5)"],
  source: ["[man vadddomain.9]"],
  async run(proc) {
    const { options } = proc;
    const domain = checkDomainName(proc.args[0] ?? "");
    const { database, host, databaseUser, databasePassword, port } = options;
    if (options.cluster || [database, host, databaseUser, databasePassword, port].some((one) => one !== undefined)) {
      throw new Permanent("-c, -D, -H, -U, -P, -p: this host is in no cluster (it has no central database)");
    }
    const lines: string[] = [];
    const told = (step: string) => void (options.verbose && lines.push(`${step}\n`));
    await withCommand(proc, { create: true }, async (command) => {
      const owner = {
        ...domainOwner(options.user),
        ...(options.uid === undefined ? {} : { uid: id("-i", options.uid) }),
        ...(options.gid === undefined ? {} : { gid: id("-g", options.gid) }),
      };
      if (options.etrn || options.autoturn !== undefined) {
        if (options.basePath !== undefined || options.filter || options.forwardTo !== undefined) {
          throw new Usage("-t and -T: the domain has no users here, so no -B, -E and -f");
        }
        return await addAutoturnDomain(command, { domain, ...owner, ipAddress: options.autoturn });
      }
      const clear = options.random === undefined
        ? proc.args[1] ?? await askPassword(proc, `postmaster@${domain}`)
        : randomPasswordOf(options.random);
      const environment = proc.env.get("PASSWORD_HASH");
      const columns = await makePassword(clear, options, { environment, control: [command.control] });
      const result = await addDomain(command, {
        domain,
        ...columns,
        ...(options.quota === undefined ? {} : { quota: quotaText(options.quota) }),
        files: {
          ...owner,
          fallback: checkFallback("-E", options.forwardTo ?? "bounce-no-mailbox"),
          filter: options.filter,
          checkRecipients: options.checkRecipients,
          ...(options.directory === undefined ? {} : { parent: `${checkFolder("-d", options.directory)}/domains` }),
          ...(options.basePath === undefined ? {} : { basePath: checkFolder("-B", options.basePath) }),
          ...(options.usersPerLevel === undefined ? {} : { usersPerDirectory: id("-l", options.usersPerLevel) }),
        },
      }, told);
      if (result === "exists") throw new Permanent(`domain ${domain} exists already`);
      if (!options.optimize) await command.reload();
      if (options.random !== undefined) lines.push(`Password is ${clear}\n`);
    });
    await proc.stdout.write(new TextEncoder().encode(lines.join("")));
    return await runPostHandle(proc, [domain]);
  },
});

function id(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Usage(`${option} ${shown(text)}: not a number`);
  return Number(text);
}
