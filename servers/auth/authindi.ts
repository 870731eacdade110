/**
 * authindi: the authentication module of our virtual users for login programs of Courier's kind [man authlib.7]: reads the
 * record on descriptor 3, asks the lookup daemon, does the tasks of a login and executes the server on the Maildir.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import { giveWaiting } from "../../storage/accounts/login_bulletins.ts";
import { openLookup } from "../../storage/accounts/lookup_client.ts";
import type { Account, AuthResult, AuthService, Lookup } from "../../storage/accounts/lookup_types.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { makeHome } from "../../storage/accounts/user_homes.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import { realDisk } from "../../storage/disk.ts";
import { enterHome } from "./accepted_user.ts";
import { type AuthRecord, type AuthRequest, parseAuthRecord, RECORD_BYTES_MAX } from "./auth_module.ts";
import { passOn, readLoginBytes, runPostAuth } from "./checkpassword.ts";
import { DISABLED_ENV, isDisabled } from "./disabled_methods.ts";
import { runMigration } from "./migrate_user.ts";

/** Operands of the end: the server and its Maildir. */
const SERVER_WORDS = 2;
/** Arguments of the login program that are looked for in AUTHARGV at most. */
const LOGIN_ARGUMENTS_MAX = 1000;

export const applet = defineApplet({
  names: ["authindi"],
  section: 8,
  summary: "authenticate virtual users for imaplogin and pop3login",
  role: "tool",
  dialect: "chain",
  options: {},
  stopsAtOperand: true,
  operands: [{ name: "module", help: "the next modules, then the server and its Maildir", repeat: true }],
  synopsis: "authindi [module...] imapd|pop3d Maildir",
  description:
    `authindi reads a record from descriptor 3: lines of service (imap, pop3, webmail), type (login, plain, cram-md5,
cram-sha1, cram-sha256, cram-sha512, cram-ripemd), then user and password, or challenge and response in base64. The lookup
daemon checks the login, with the service bits and limits of the account.

After a right login it gives the user waiting bulletins, runs POSTAUTH and, once for each Maildir, MIGRATEUSER, changes to
the home directory, sets AUTHENTICATED, AUTHADDR, AUTHFULLNAME, AUTHSERVICE, HOME, MAILDIR and MAILDIRQUOTA, and executes
the server. When POSTAUTH exits 2 or 3 the home is TMP_MAILDIR; with EXIT_ONERROR an exit of 3 ends the session after the text
in the file MSG_ONERROR.

A wrong login goes to the next module with the same record on descriptor 3. When there is none, AUTHFAILURE is written to
standard error and the login program is executed again: that of AUTHARGC and AUTHARGV0 …, else imaplogin or pop3login. When a
module before has let the user in (AUTHENTICATED is set) the server is executed at once.`,
  env: {
    AUTHENTICATED: "the user, when a module before has let him in",
    AUTHARGC: "how many words the command of the login program has; AUTHARGV0 and so on are the words",
    POSTAUTH: "program to run after a right login, with the user as its argument",
    MIGRATEUSER: "program to run once for each Maildir; default /usr/local/bin/migrateuser, when it is there",
    MIGRATEFLAG: "file in the Maildir that tells that MIGRATEUSER has run; default Qmail.txt",
    TMP_MAILDIR: "home when POSTAUTH exits 2 or 3",
    EXIT_ONERROR: "if set, an exit of 3 of POSTAUTH ends the session",
    MSG_ONERROR: "file with the text for the client then",
    ...DISABLED_ENV,
    DOMAIN_LIMITS: "limits of domains (vlimit) hold for this login; else where inlookup or vmoddomain -l say so",
    TCPLOCALIP: "our address, which vipmap may give a domain for names without one",
    TCPREMOTEIP: "address of the client, for lastauth and the guard against guessed passwords",
    DEBUG: "if set, names and results are written to standard error, never a secret",
  },
  control: ["me", "timeoutread"],
  exits: { 2: "the record is none", 100: "misuse, or POSTAUTH ended the session", 111: "temporary trouble" },
  seeAlso: ["imapd(8)", "pop3d(8)", "vchkpass(8)", "inlookup(8)"],
  source: ["[man authlib.7]", "[man login_tasks.9]", "[spec formats 11]"],
  async run(proc) {
    const server = proc.args.slice(-SERVER_WORDS);
    if (server.length < SERVER_WORDS) throw new Usage("name a server and its Maildir");
    if (proc.env.get("AUTHENTICATED")) return execute(proc, server, {});
    const record = parseAuthRecord(await readLoginBytes(proc, RECORD_BYTES_MAX));
    const lookup = openLookup(proc.paths, new ControlFiles(proc.paths.control));
    try {
      const result = await verify(proc, lookup, record);
      tell(proc, record, result.kind);
      if (result.kind === "ok") return await enter(proc, record, { account: result.account, lookup });
      if (result.kind === "forbidden") proc.log.line(`authindi: ${result.reason}`);
      const isLast = proc.args.length === SERVER_WORDS;
      return result.kind === "forbidden" || isLast ? await loginAgain(proc, record) : await passOn(proc, record);
    } finally {
      lookup.close();
    }
  },
});

type Verdict = AuthResult | { readonly kind: "passed-over" };

async function verify(proc: Proc, lookup: Lookup, { service, request }: AuthRecord): Promise<Verdict> {
  const context = {
    service: serviceOf(service),
    remoteHost: proc.env.get("TCPREMOTEIP") ?? "",
    localHost: proc.env.get("TCPLOCALIP"),
    withLimits: proc.env.get("DOMAIN_LIMITS") !== undefined,
  };
  if (request.kind === "other") return { kind: "passed-over" };
  const disabled = request.kind !== "malformed" && isDisabled(request, (name) => proc.env.get(name));
  if (request.kind === "malformed" || disabled || request.name === "") return { kind: "denied" };
  const result = request.kind === "password"
    ? await lookup.verifyPassword(request.name, request.password, context)
    : await lookup.verifyCram(request.name, request, context);
  const closed = service === "webmail" && result.kind === "ok" && (result.account.flags & USER_FLAGS.noWebmail) !== 0;
  return closed ? { kind: "forbidden", reason: "webmail is switched off for this account" } : result;
}

function serviceOf(service: string): AuthService {
  return service === "imap" || service === "pop3" ? service : "auth";
}

function nameOf(request: AuthRequest): string {
  return request.kind === "password" || request.kind === "cram" ? request.name : "";
}

function tell(proc: Proc, { service, request }: AuthRecord, result: string): void {
  if (proc.env.get("DEBUG") === undefined) return;
  const type = request.kind === "other" ? `type ${request.type}` : request.kind;
  proc.log.line(`authindi: ${JSON.stringify(nameOf(request))} by ${service}, ${type}: ${result}`);
}

/** The tasks of a login, then the server. */
async function enter(
  proc: Proc,
  { service, request }: AuthRecord,
  { account, lookup }: { readonly account: Account; readonly lookup: Lookup },
): Promise<never> {
  const variables = {
    AUTHENTICATED: nameOf(request),
    AUTHADDR: account.address,
    AUTHFULLNAME: account.gecos,
    AUTHSERVICE: service,
    HOME: account.home,
    ...(account.quota === "" || account.quota === "NOQUOTA" ? {} : { MAILDIRQUOTA: account.quota }),
  };
  if (!pathExists(`${account.home}/Maildir/cur`)) await makeHome(realDisk, account.home, account);
  const hostName = new ControlFiles(proc.paths.control).line("me") ?? "localhost";
  const warn = (text: string) => proc.log.line(`authindi: warning: ${text}`);
  await giveWaiting({ lookup, disk: realDisk, hostName, warn }, account);
  const home = await homeAfterTasks(proc, account, variables);
  lookup.close();
  await proc.log.flush();
  enterHome(account, home);
  return execute(proc, proc.args.slice(-SERVER_WORDS), { ...variables, MAILDIR: `${home}/Maildir` });
}

/** Runs POSTAUTH and MIGRATEUSER; the home that holds afterwards. Throws Permanent when the session is to end. */
async function homeAfterTasks(
  proc: Proc,
  account: Account,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const status = await runPostAuth(proc, account.address, variables);
  await runMigration(proc, account, variables);
  if (status !== 2 && status !== 3) return account.home;
  if (status === 3 && proc.env.get("EXIT_ONERROR") !== undefined) {
    const path = proc.env.get("MSG_ONERROR");
    if (path !== undefined && pathExists(path)) await proc.stdout.write(Deno.readFileSync(path));
    throw new Permanent("POSTAUTH has ended the session");
  }
  return proc.env.get("TMP_MAILDIR") || account.home;
}

function execute(proc: Proc, [program = "", ...args]: readonly string[], env: Readonly<Record<string, string>>): never {
  return proc.exec(program, args, { ...proc.env.all(), ...env });
}

/** The login program once more, to say no and to hear the next attempt [man authlib.7]. */
async function loginAgain(proc: Proc, { service }: AuthRecord): Promise<never> {
  await proc.log.flush();
  await proc.stderr.write(new TextEncoder().encode("AUTHFAILURE\n"));
  const environment = proc.env.all();
  const count = Number(proc.env.get("AUTHARGC") ?? 0);
  const words = Array.from(
    { length: Math.min(LOGIN_ARGUMENTS_MAX, Number.isInteger(count) && count > 0 ? count : 0) },
    (_, at) => environment[`AUTHARGV${at}`] ?? "",
  );
  if (words.length > 0) return execute(proc, words, {});
  const own = [proc.name, ...proc.args];
  return execute(proc, service === "pop3" ? ["pop3login", ...own] : ["imaplogin", ...own], {});
}
