/**
 * inlookup: the lookup daemon. Opens the accounts' database and answers over `lookup.socket` until TERM. HUP drops what is
 * kept, INT opens the database again, USR1 logs counts, USR2 toggles verbose logging [man inlookup.9].
 */
import { randomBytes } from "node:crypto";
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { type Paths, socketPath } from "../../core/paths.ts";
import { openAccounts } from "../../storage/accounts/accounts.ts";
import { LOOKUP_TIMEOUT_SECONDS } from "../../storage/accounts/lookup_client.ts";
import { listedMechanisms, scramHashOfRecords } from "../../storage/accounts/auth_mechanisms.ts";
import { MYSQL_ENV } from "../../storage/accounts/mysql_settings.ts";
import { RELAY_MINUTES_DEFAULT } from "../../storage/accounts/tables/relay.ts";
import { TOKEN_CONTROL } from "../../storage/accounts/token_settings.ts";
import { VirtualDomains } from "../../storage/accounts/virtual_domains.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import type { Account } from "../../storage/accounts/lookup_types.ts";
import { Answers } from "./answers.ts";
import { Logins } from "./login.ts";
import { guardedService } from "./guard_service.ts";
import { guardDefaultsText } from "./guard_settings.ts";
import { POLICY_ENV, readPolicy } from "./login_policy.ts";
import { openPolicy, POLICY_CONTROL } from "./policy_files.ts";
import { LoginRecorder } from "./recorder.ts";
import { LookupServer, type LookupServing } from "./server.ts";
import { Tokens } from "./tokens.ts";
import { countsText, joinedService, verboseService, warm } from "./service.ts";

const KEPT_DEFAULT = 20_000;
const SALT_SECRET_BYTES = 32;

/** The program. */
export const applet = defineApplet({
  names: ["inlookup", "InLookup"],
  section: 8,
  summary: "answers who the users are and checks their passwords",
  role: "lookup",
  dialect: "daemon",
  daemon: true,
  options: {
    socket: {
      flag: "f",
      value: "socket",
      default: "lookup.socket in the run folder",
      help: "Unix socket to listen on",
    },
    instances: {
      flag: "i",
      value: "count",
      default: "1",
      help: "taken and not needed: one process serves all clients",
    },
    activeSeconds: { flag: "c", value: "seconds", help: "answer beforehand for users who logged in that lately" },
    verbose: { flag: "v", help: "log every question that is not answered from what is kept" },
  },
  description:
    "The only program that opens the accounts' database while mail flows. smtpd, the delivery daemon, imapd and " +
    "pop3d ask it about recipients and logins over a Unix socket. It takes its answers from the embedded database, or from " +
    "the MySQL server of control/host.mysql. What it was asked lately it keeps; changes are seen at once with the embedded " +
    "database, and with a server after a minute or when a command of ours made them.\n\n" +
    "Logins that fail are counted by client address (IPv6: by network of 64 bits) and by account. After some the answers " +
    "are delayed, after more the address, or the account from that address, is refused for a time, even with the right " +
    "password. An account is never refused from everywhere. control/loginguard sets the numbers, one name:number a line: " +
    `${guardDefaultsText()}. control/trustednets lists networks that are never counted; without it 127.0.0.0/8 and ::1. ` +
    "Clients whom the rules of tcpserver give RELAYCLIENT are not known here: list them as well. indimail-unban(8) lists " +
    "and lifts bans.\n\nA password that was right by PLAIN or LOGIN is stored anew when its form is weaker than " +
    "control/passwordscheme asks for: one hash, one SCRAM method, and the word cleartext to hash clear text as well.\n\n" +
    "OAUTHBEARER and XOAUTH2 take tokens. control/oauthjwks names keys that sign them, by URL or file, " +
    "control/oauthaudience whom they must be for and control/oauthissuer who may give them out; or control/oauthintrospection " +
    "names a URL that is asked about each, as control/oauthclient (ID:SECRET). control/oauthscope lists scopes that a token " +
    "must have, control/oauthclaim the claim that names the user: email by default. Good tokens are believed for a minute " +
    "without asking again.\n\nWhere the database cannot be " +
    "reached every answer is a temporary failure, until it can be.\n\nHUP drops everything kept and rereads control " +
    "files. INT closes the database and opens it again. USR1 logs how many questions of each kind there were. USR2 " +
    "switches verbose logging. TERM ends the daemon.",
  env: {
    ...MYSQL_ENV,
    INDIMAIL_DOMAIN: "domain of a name without one at login; goes before the map of vipmap",
    DEFAULT_DOMAIN: "the same after that map; default control/envnoathost, control/me",
    DOMAIN_LIMITS: "apply the limits of table vlimits",
    ENABLE_CRAM: "take the password column as it is for CRAM-MD5",
    NOLASTAUTH: "write no rows of table lastauth",
    NORELAY: "write no rows of table relay at logins",
    MAX_BTREE_COUNT: "answers kept; default 20000",
    RELAY_CLEAR_MINUTES: "minutes that a login by IMAP or POP3 lets its address relay; default 60",
    ...POLICY_ENV,
    POSTAUTH: "not run here, and a warning says so: vchkpass, authindi and kin run it",
  },
  control: [
    "me",
    "envnoathost",
    "host.mysql",
    "locals",
    "virtualdomains",
    "timeoutread",
    "authmechanisms",
    ...TOKEN_CONTROL,
    ...POLICY_CONTROL,
  ],
  files: {
    "lib/scram.secret": "random bytes that salts of unknown users come from",
    "run/lookup-admin.socket": "where root and the daemon's own account list and lift bans",
  },
  seeAlso: ["vadduser(1)", "qmail-smtpd(8)"],
  source: ["[man inlookup.9]", "[spec formats 14]"],
  async run(proc) {
    const { paths, log } = proc;
    const control = new ControlFiles(paths.control);
    const timeoutMs = 1000 * control.number("timeoutread", LOOKUP_TIMEOUT_SECONDS);
    const env = (name: string) => proc.env.get(name);
    const numberOf = (name: string, fallback: number) => wholeNumber(name, env(name) ?? String(fallback));
    const relayMinutes = numberOf("RELAY_CLEAR_MINUTES", RELAY_MINUTES_DEFAULT);
    const accounts = await openAccounts({ paths, control, env, timeoutMs });
    const nowMs = () => proc.clock.nowMs();
    const domains = new VirtualDomains(paths, { nowMs });
    const keptMax = numberOf("MAX_BTREE_COUNT", KEPT_DEFAULT);
    const recorder = new LoginRecorder(accounts, log, { minutes: relayMinutes, nowMs });
    if (env("POSTAUTH")) {
      log.line("inlookup: warning: POSTAUTH is run by vchkpass and kin, not after logins to our servers");
    }
    const keepLastauth = env("NOLASTAUTH") === undefined;
    const groupDelivery = (account: Account) =>
      keepLastauth && recorder.groupDelivery(account, Math.floor(nowMs() / 1000));
    const answers = new Answers({ accounts, domains, paths, nowMs, keptMax, relayMinutes, groupDelivery });
    const names = { domains, defaultDomain: usualDomain(control, env) };
    const policy = openPolicy({ accounts, control, names, clock: proc.clock, log, timeoutMs });
    const tokens = new Tokens({ control, nowMs, log });
    const logins = new Logins({
      ...names,
      accounts,
      recorder,
      renewer: policy.renewer,
      policy: readPolicy(env),
      nowMs,
      tokens,
      saltSecret: readSaltSecret(paths),
      recordedScram: () => scramHashOfRecords(listedMechanisms(control)),
      mapsAddresses: !env("INDIMAIL_DOMAIN"),
      domainLimits: proc.env.get("DOMAIN_LIMITS") !== undefined,
      cramFromPassword: proc.env.get("ENABLE_CRAM") !== undefined,
      keepLastauth,
      keepRelay: proc.env.get("NORELAY") === undefined,
      exists: fileExists,
      controlDirectory: paths.control,
    });
    const verbose = { on: proc.options.verbose };
    const guarded = guardedService(joinedService(answers, logins), policy.guard);
    const serving = {
      service: verboseService(guarded, verbose, (line) => log.line(line)),
      keptRecipient: (address: string) => answers.keptRecipient(address),
      log,
    };
    const [server, adminServer] = await listenOnBoth(paths, proc.options.socket, serving);
    proc.onSignal("SIGHUP", () => {
      answers.forget();
      policy.reread();
      tokens.reread();
    });
    proc.onSignal("SIGUSR2", () => verbose.on = !verbose.on);
    proc.onSignal("SIGUSR1", () => log.line(`inlookup: ${countsText(server.counts)} held:${answers.kept}`));
    proc.onSignal("SIGINT", () => {
      answers.forget();
      accounts.database.reopen().catch((error) => log.line(`inlookup: warning: ${errorText(error)}`));
    });
    const stopped = new Promise<void>((resolve) => proc.onSignal("SIGTERM", resolve));
    const activeSeconds = wholeNumber("-c", proc.options.activeSeconds ?? "0");
    if (activeSeconds > 0) await warm(answers, accounts, { nowMs, seconds: activeSeconds });
    log.line(`inlookup: ready on ${accounts.database.kind}`);
    await stopped;
    policy.guard.close();
    await Promise.all([server.close(), adminServer.close()]);
    await recorder.close();
    await policy.renewer.close();
    await accounts.close();
  },
});

/** Domain of a name without one, where vipmap gives none. */
function usualDomain(control: ControlFiles, env: (name: string) => string | undefined): string {
  const named = env("INDIMAIL_DOMAIN") || env("DEFAULT_DOMAIN");
  return (named || (control.line("envnoathost") ?? control.line("me") ?? "")).toLowerCase();
}

/** The socket of everybody, and that of root and our own account. */
async function listenOnBoth(
  paths: Paths,
  named: string | undefined,
  serving: LookupServing,
): Promise<readonly [LookupServer, LookupServer]> {
  const adminPath = named === undefined ? socketPath(paths, "lookup-admin") : `${named}.admin`;
  const server = await LookupServer.listen(named ?? socketPath(paths, "lookup"), serving);
  return [server, await LookupServer.listen(adminPath, { ...serving, privileged: true })];
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Usage(`${name}: ${text} is not a number`);
  return Number(text);
}

function fileExists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new Temporary(`cannot look at ${path}: ${errorText(error)}`);
  }
}

/** The secret, made at the first start. */
function readSaltSecret(paths: Paths): Uint8Array {
  const path = `${paths.lib}/scram.secret`;
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw new Temporary(`cannot read ${path}: ${errorText(error)}`);
  }
  const secret = new Uint8Array(randomBytes(SALT_SECRET_BYTES));
  Deno.mkdirSync(paths.lib, { recursive: true });
  Deno.writeFileSync(path, secret, { mode: 0o600, createNew: true });
  return secret;
}
