/**
 * pam-multi: checks passwords of any database for PAM [man pam-multi.8]. The original is a module that libpam loads; this
 * is a program that pam_exec.so runs, with the password on standard input and PAM's results as exit codes [decision 0075].
 */
import { defineApplet, type OptionValues, type Proc } from "../../core/applet.ts";
import { escapedText } from "../../core/environment.ts";
import { Denied, errorText, Permanent, Temporary, Usage } from "../../core/errors.ts";
import { PAM } from "../../core/libc/pam.ts";
import { MYSQL_ENV } from "../../storage/accounts/mysql_settings.ts";
import { isHashed, verifyPassword } from "../../storage/accounts/passwords.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { authSyslog } from "./auth_syslog.ts";
import { checkLoginHere, type ExpiryTimes, expiryTimesHere } from "./iauth.ts";
import { askCommand, askStatement, partsOf, type UserParts } from "./pam_multi_source.ts";

/** Longest password, that of PAM (PAM_MAX_RESP_SIZE). */
const PASSWORD_BYTES_MAX = 512;
const DATABASE_TIMEOUT_MS = 10_000;
/** Within so many days before the end a warning is given: two weeks. */
const WARNING_SECONDS = 14 * 86_400;
/** Libraries known by name, with or without folder and ending. */
const IAUTH = /^(?:.*\/)?iauth(?:\.so)?$/;

const OPTIONS = {
  statement: { flag: "m", value: "statement", help: "SQL statement that finds the password hash, or the expiry times" },
  user: { flag: "u", value: "user", default: "indimail", help: "user of the MySQL server" },
  password: { flag: "p", value: "password", help: "password for the MySQL server" },
  database: { flag: "D", value: "database", help: "database on the server; without -H the path of an SQLite file" },
  host: { flag: "H", value: "host", help: "host of the MySQL server, or the path of its socket" },
  port: { flag: "P", value: "port", default: "3306", help: "TCP port of the MySQL server" },
  command: { flag: "c", value: "command", help: "command that writes the password hash, or the expiry times" },
  library: { flag: "s", value: "library", help: "iauth (or a path ending in iauth.so): the accounts of IndiMail" },
  service: {
    flag: "i",
    value: "service",
    default: "AUTHSERVICE, PAM_SERVICE",
    help: "name of the service that is logged in to",
  },
  debug: { flag: "d", help: "tell what is done, without passwords" },
} as const;

type Call = Proc<typeof OPTIONS>;

export const applet = defineApplet({
  names: ["pam-multi"],
  section: 8,
  summary: "check passwords of any database for PAM",
  role: "tool",
  dialect: "pam",
  options: OPTIONS,
  operands: [{ name: "args", help: "the word args, as the original's lines have it; means nothing", optional: true }],
  description:
    "pam-multi is run by pam_exec(8) with the option expose_authtok, in the lines auth and account of a PAM service. The " +
    "statement of -m or the command of -c finds the stored password of the user (crypt(3): DES, $1$, $2b$, $5$, $6$, " +
    "$y$), which the password given is compared with. In the account phase they find when account and password end, as " +
    "seconds since 1970, with a comma between them; 0 is never.\n\nIn both, %u stands for the user and %d for the domain, %U " +
    "and %D as well. In statements they are bound as values. A command is run only for names of letters, digits and " +
    "`. _ + - @`; others are unknown.\n\n-s iauth takes the accounts of IndiMail: the lookup daemon checks the password, the " +
    "service bits of the account (-i) and its limits. In the account phase ACCT_INACT_EXPIRY and PASSWORD_EXPIRY " +
    "count from the last login and the last change of password, or with DOMAIN_LIMITS the times of table vlimits hold. " +
    "Without -H and -D the statement of -m asks the database of IndiMail too, and needs no password in the PAM file.\n\n" +
    "pam_exec tells PAM only that the program failed. Where the caller is pam-checkpwd the true result arrives, unless " +
    "pam_exec is told to be quiet. Refusals and errors are written to syslog (authpriv), and to standard error, which pam_exec " +
    "leaves to nobody unless it has the option log=.",
  env: {
    ...MYSQL_ENV,
    PAM_USER: "the user, by pam_exec",
    PAM_TYPE: "auth, account, open_session, close_session or password, by pam_exec",
    PAM_SERVICE: "the PAM service, by pam_exec",
    PAM_RHOST: "the remote host, by pam_exec",
    AUTHSERVICE: "name of the service that is logged in to",
    ACCT_INACT_EXPIRY: "days after the last login that an account lasts; default 60",
    PASSWORD_EXPIRY: "days that a password lasts; default 60",
    DOMAIN_LIMITS: "if set, the times of table vlimits hold instead",
    DEFAULT_DOMAIN: "domain of a user without one; default control/envnoathost, control/me",
  },
  control: ["envnoathost", "me", "host.mysql"],
  exits: {
    0: "success (PAM_SUCCESS)",
    3: "the call is wrong (PAM_SERVICE_ERR)",
    4: "a surprise (PAM_SYSTEM_ERR)",
    6: "the account may not use this service (PAM_PERM_DENIED)",
    7: "the password is wrong (PAM_AUTH_ERR)",
    9: "the database cannot be asked now (PAM_AUTHINFO_UNAVAIL)",
    10: "there is no such user (PAM_USER_UNKNOWN), in the account phase",
    13: "account or password has expired (PAM_ACCT_EXPIRED)",
  },
  examples: [
    {
      command: "auth required pam_exec.so expose_authtok /usr/bin/pam-multi -s iauth",
      help: "in /etc/pam.d/imap: the accounts of IndiMail",
    },
    {
      command: "auth required pam_exec.so expose_authtok /usr/bin/pam-multi -m " +
        "[select pw_passwd from indimail where pw_name='%u' and pw_domain='%d']",
      help: "the same by a statement",
    },
  ],
  seeAlso: ["pam-checkpwd(8)", "pam_exec(8)", "nssd(8)"],
  source: ["[man pam-multi.9]", "[decision 0075]"],
  async run(proc) {
    try {
      return await run(proc);
    } catch (error) {
      authSyslog("err", `${JSON.stringify(proc.env.get("PAM_USER") ?? "")}: ${errorText(error)}`);
      throw error;
    }
  },
});

async function run(proc: Call): Promise<number> {
  const { options, env } = proc;
  const ways = [options.statement, options.command, options.library].filter((way) => way !== undefined);
  if (ways.length !== 1) throw new Usage("one of -m, -c and -s");
  if (options.library !== undefined && !IAUTH.test(options.library)) {
    throw new Usage(`-s ${options.library}: no shared library can be loaded; iauth is built in, others are for -c`);
  }
  const name = env.get("PAM_USER");
  if (!name) throw new Usage("PAM_USER is not set: pam-multi is run by pam_exec.so");
  switch (env.get("PAM_TYPE")) {
    case "auth":
      return await tell(proc, await authenticate(proc, name));
    case "account":
      return await tell(proc, await checkAccount(proc, name));
    case "open_session":
    case "close_session":
      return PAM.success;
    default:
      throw new Usage(`PAM_TYPE ${env.get("PAM_TYPE") ?? "is not set"}: auth, account or session is`);
  }
}

/** A result, and why. */
interface Outcome {
  readonly code: number;
  readonly text: string;
}

async function tell(proc: Call, { code, text }: Outcome): Promise<number> {
  if (proc.options.debug && text !== "") {
    proc.log.line(`pam-multi: ${JSON.stringify(proc.env.get("PAM_USER"))}: ${text}`);
  }
  await proc.log.flush();
  if (code !== PAM.success) authSyslog("warning", `${JSON.stringify(proc.env.get("PAM_USER"))}: ${text}`);
  else if (proc.options.debug) authSyslog("info", `${JSON.stringify(proc.env.get("PAM_USER"))}: ${text}`);
  return code;
}

/** Standard input up to a NUL, as pam_exec gives it. */
async function readPassword(proc: Call): Promise<string> {
  const bytes = new Uint8Array(PASSWORD_BYTES_MAX + 2);
  let filled = 0;
  while (filled < bytes.length) {
    const count = await proc.stdin.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  const nul = bytes.subarray(0, filled).indexOf(0);
  const password = bytes.subarray(0, nul < 0 ? filled : nul);
  if (password.length > PASSWORD_BYTES_MAX) throw new Denied("a password that is too long");
  return escapedText(password);
}

function parts(proc: Call, name: string): UserParts {
  const control = new ControlFiles(proc.paths.control);
  const domain = proc.env.get("DEFAULT_DOMAIN") || control.line("envnoathost") || control.line("me") || "";
  return partsOf(name, domain.toLowerCase());
}

function serviceOf({ options, env }: Call): string {
  return options.service ?? env.get("AUTHSERVICE") ?? env.get("PAM_SERVICE") ?? "";
}

/** What -m or -c finds. */
async function ask(proc: Call, user: UserParts): Promise<string | undefined> {
  const { options, paths } = proc;
  const place = { paths, env: (key: string) => proc.env.get(key), spawn: proc.spawn };
  try {
    if (options.command !== undefined) return await askCommand(options.command, user, place);
    return await askStatement(options.statement ?? "", user, { options: databaseOptions(options), place });
  } catch (error) {
    if (error instanceof Permanent) throw new Usage(`-${options.command === undefined ? "m" : "c"}: ${error.message}`);
    throw error;
  }
}

function databaseOptions({ user, password, database, host, port }: OptionValues<typeof OPTIONS>) {
  return { user, password, database, host, port };
}

async function authenticate(proc: Call, name: string): Promise<Outcome> {
  const password = await readPassword(proc);
  if (password === "") return { code: PAM.authError, text: "no password; does pam_exec have expose_authtok?" };
  if (proc.options.library !== undefined) {
    const user = parts(proc, name);
    const login = { name: `${user.user}@${user.domain}`, password, service: serviceOf(proc) };
    return await checkLoginHere(proc.paths, { ...login, remoteHost: proc.env.get("PAM_RHOST") ?? "" });
  }
  const stored = await ask(proc, parts(proc, name));
  if (await isRight(password, stored)) return { code: PAM.success, text: "the password is right" };
  return { code: PAM.authError, text: stored === undefined ? "no such user" : "wrong password" };
}

/**
 * Whether the password has that hash. What is no hash is no password either: `x` and `*` of a password file, and the hash
 * itself typed as the password.
 */
async function isRight(password: string, stored: string | undefined): Promise<boolean> {
  const usable = stored !== undefined && isHashed(stored) && password !== stored;
  return await verifyPassword(password, usable ? stored : undefined);
}

/** The times that a statement or command gives: `account[,password]`. Throws Temporary when they are no numbers. */
function parseTimes(text: string): ExpiryTimes {
  const [account = "", password = "0"] = text.split(",").map((part) => part.trim());
  if (!/^-?\d{1,15}$/.test(account) || !/^-?\d{1,15}$/.test(password)) {
    throw new Temporary("the expiry times are not seconds since 1970: account[,password]");
  }
  return { account: Number(account), password: Number(password) };
}

async function checkAccount(proc: Call, name: string): Promise<Outcome> {
  const user = parts(proc, name);
  const env = (key: string) => proc.env.get(key);
  let times: ExpiryTimes | undefined;
  if (proc.options.library !== undefined) {
    const place = { paths: proc.paths, env, timeoutMs: DATABASE_TIMEOUT_MS };
    times = await expiryTimesHere(place, { user: user.user.toLowerCase(), domain: user.domain.toLowerCase() });
  } else {
    const found = await ask(proc, user);
    times = found === undefined ? undefined : parseTimes(found);
  }
  if (!times) return { code: PAM.userUnknown, text: "no such user" };
  const nowSeconds = proc.clock.nowMs() / 1000;
  for (const what of ["account", "password"] as const) {
    const end = times[what];
    if (end <= 0) continue;
    if (end < nowSeconds) return { code: PAM.accountExpired, text: `the ${what} has expired` };
    if (end - nowSeconds >= WARNING_SECONDS) continue;
    const text = `the ${what} of ${JSON.stringify(name)} ends at ${new Date(end * 1000).toISOString()}`;
    proc.log.line(`pam-multi: ${text}`);
    authSyslog("warning", text);
  }
  return { code: PAM.success, text: "the account is in force" };
}
