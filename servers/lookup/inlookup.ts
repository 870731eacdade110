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
import { MYSQL_ENV } from "../../storage/accounts/mysql_settings.ts";
import { VirtualDomains } from "../../storage/accounts/virtual_domains.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { Answers } from "./answers.ts";
import { Logins } from "./login.ts";
import { LoginRecorder } from "./recorder.ts";
import { LookupServer } from "./server.ts";
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
    "database, and with a server after a minute or when a command of ours made them.\n\nWhere the database cannot be " +
    "reached every answer is a temporary failure, until it can be.\n\nHUP drops everything kept and rereads control " +
    "files. INT closes the database and opens it again. USR1 logs how many questions of each kind there were. USR2 " +
    "switches verbose logging. TERM ends the daemon.",
  env: {
    ...MYSQL_ENV,
    DOMAIN_LIMITS: "apply the limits of table vlimits",
    ENABLE_CRAM: "take the password column as it is for CRAM-MD5",
    NOLASTAUTH: "write no rows of table lastauth",
    NORELAY: "write no rows of table relay at logins",
    MAX_BTREE_COUNT: "answers kept; default 20000",
  },
  control: ["me", "envnoathost", "host.mysql", "locals", "virtualdomains", "timeoutread"],
  files: { "lib/scram.secret": "random bytes that salts of unknown users come from" },
  seeAlso: ["vadduser(1)", "qmail-smtpd(8)"],
  source: ["[man inlookup.9]", "[spec formats 14]"],
  async run(proc) {
    const { paths, log } = proc;
    const control = new ControlFiles(paths.control);
    const timeoutMs = 1000 * control.number("timeoutread", LOOKUP_TIMEOUT_SECONDS);
    const env = (name: string) => proc.env.get(name);
    const accounts = await openAccounts({ paths, control, env, timeoutMs });
    const nowMs = () => proc.clock.nowMs();
    const domains = new VirtualDomains(paths, { nowMs });
    const keptMax = wholeNumber("MAX_BTREE_COUNT", proc.env.get("MAX_BTREE_COUNT") ?? String(KEPT_DEFAULT));
    const answers = new Answers({ accounts, domains, paths, nowMs, keptMax });
    const recorder = new LoginRecorder(accounts, log);
    const logins = new Logins({
      accounts,
      domains,
      recorder,
      nowMs,
      defaultDomain: (control.line("envnoathost") ?? control.line("me") ?? "").toLowerCase(),
      saltSecret: readSaltSecret(paths),
      domainLimits: proc.env.get("DOMAIN_LIMITS") !== undefined,
      cramFromPassword: proc.env.get("ENABLE_CRAM") !== undefined,
      keepLastauth: proc.env.get("NOLASTAUTH") === undefined,
      keepRelay: proc.env.get("NORELAY") === undefined,
      exists: fileExists,
      controlDirectory: paths.control,
    });
    const service = joinedService(answers, logins);
    const verbose = { on: proc.options.verbose };
    const server = await LookupServer.listen(proc.options.socket ?? socketPath(paths, "lookup"), {
      service: verboseService(service, verbose, (line) => log.line(line)),
      keptRecipient: (address) => answers.keptRecipient(address),
      log,
    });
    proc.onSignal("SIGHUP", () => answers.forget());
    proc.onSignal("SIGUSR2", () => verbose.on = !verbose.on);
    proc.onSignal("SIGUSR1", () => log.line(`inlookup: ${countsText(server.counts)} held:${answers.kept}`));
    proc.onSignal("SIGINT", () => {
      answers.forget();
      accounts.database.reopen().catch((error) => log.line(`inlookup: warning: ${errorText(error)}`));
    });
    const stopped = new Promise<void>((resolve) => proc.onSignal("SIGTERM", resolve));
    const { activeSeconds } = proc.options;
    if (activeSeconds !== undefined) {
      await warm(answers, accounts, { nowMs, seconds: wholeNumber("-c", activeSeconds) });
    }
    log.line(`inlookup: ready on ${accounts.database.kind}`);
    await stopped;
    await server.close();
    await recorder.close();
    await accounts.close();
  },
});

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
