/** The lookup daemon inside a test: over a test's installation, with a client. */
import { Accounts } from "../../storage/accounts/accounts.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { LookupClient } from "../../storage/accounts/lookup_client.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";
import { VirtualDomains } from "../../storage/accounts/virtual_domains.ts";
import type { Site } from "../../tests/support/site.ts";
import type { Clock } from "../../core/applet.ts";
import { systemClock } from "../../core/proc.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import type { Account } from "../../storage/accounts/lookup_types.ts";
import { Answers } from "./answers.ts";
import { guardedService } from "./guard_service.ts";
import { NO_POLICY } from "./login_policy.ts";
import { openPolicy, type PolicyParts } from "./policy_files.ts";
import { Logins, type LoginSources } from "./login.ts";
import { LoginRecorder } from "./recorder.ts";
import { LookupServer } from "./server.ts";
import { joinedService } from "./service.ts";

/** A running daemon and a client of it. */
export interface TestLookup {
  readonly client: LookupClient;
  /** On the privileged socket. */
  readonly admin: LookupClient;
  readonly policy: PolicyParts;
  readonly server: LookupServer;
  readonly recorder: LoginRecorder;
  readonly path: string;
  /** Lines that it logged. */
  readonly lines: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a daemon on the site's database, by a connection of its own. */
export async function startLookup(
  site: Site,
  options: {
    readonly database?: Database;
    readonly timeoutMs?: number;
    readonly logins?: Partial<LoginSources>;
    readonly clock?: Clock;
  } = {},
): Promise<TestLookup> {
  const { paths } = site;
  const accounts = new Accounts(options.database ?? openSqlite(paths.database));
  const domains = new VirtualDomains(paths);
  const lines: string[] = [];
  const clock = options.clock ?? systemClock;
  const log = { line: (text: string) => void lines.push(text), flush: () => Promise.resolve() };
  const recorder = new LoginRecorder(accounts, log, { minutes: 60, nowMs: clock.nowMs });
  const groupDelivery = (account: Account) => recorder.groupDelivery(account, Math.floor(clock.nowMs() / 1000));
  const answers = new Answers({
    accounts,
    domains,
    paths,
    nowMs: clock.nowMs,
    keptMax: 1000,
    relayMinutes: 60,
    groupDelivery,
  });
  const names = { domains, defaultDomain: "example.org" };
  const policy = openPolicy({ accounts, control: new ControlFiles(paths.control), names, clock, log, timeoutMs: 4000 });
  const logins = new Logins({
    ...names,
    accounts,
    recorder,
    renewer: policy.renewer,
    policy: NO_POLICY,
    nowMs: clock.nowMs,
    recordedScram: () => "sha-256",
    saltSecret: new Uint8Array(32),
    domainLimits: false,
    mapsAddresses: true,
    cramFromPassword: false,
    keepLastauth: true,
    keepRelay: true,
    exists: fileExists,
    controlDirectory: paths.control,
    ...options.logins,
  });
  const path = `${paths.run}/lookup.socket`;
  const service = guardedService(joinedService(answers, logins), policy.guard);
  const keptRecipient = (address: string) => answers.keptRecipient(address);
  const server = await LookupServer.listen(path, { service, keptRecipient, log });
  const adminPath = `${paths.run}/lookup-admin.socket`;
  const adminServer = await LookupServer.listen(adminPath, { service, keptRecipient, log, privileged: true });
  const timeoutMs = options.timeoutMs ?? 10_000;
  const client = new LookupClient({ path, timeoutMs });
  const admin = new LookupClient({ path: adminPath, timeoutMs });
  return {
    client,
    admin,
    policy,
    server,
    recorder,
    path,
    lines,
    async [Symbol.asyncDispose]() {
      client.close();
      admin.close();
      policy.guard.close();
      await Promise.all([server.close(), adminServer.close()]);
      await recorder.close();
      await policy.renewer.close();
      await accounts.close();
    },
  };
}

function fileExists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
