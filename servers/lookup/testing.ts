/** The lookup daemon inside a test: over a test's installation, with a client. */
import { Accounts } from "../../storage/accounts/accounts.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { LookupClient } from "../../storage/accounts/lookup_client.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";
import { VirtualDomains } from "../../storage/accounts/virtual_domains.ts";
import type { Site } from "../../tests/support/site.ts";
import { Answers } from "./answers.ts";
import { Logins, type LoginSources } from "./login.ts";
import { LoginRecorder } from "./recorder.ts";
import { LookupServer } from "./server.ts";
import { joinedService } from "./service.ts";

/** A running daemon and a client of it. */
export interface TestLookup {
  readonly client: LookupClient;
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
  options: { readonly database?: Database; readonly timeoutMs?: number; readonly logins?: Partial<LoginSources> } = {},
): Promise<TestLookup> {
  const { paths } = site;
  const accounts = new Accounts(options.database ?? openSqlite(paths.database));
  const domains = new VirtualDomains(paths);
  const lines: string[] = [];
  const log = { line: (text: string) => void lines.push(text), flush: () => Promise.resolve() };
  const answers = new Answers({ accounts, domains, paths, nowMs: Date.now, keptMax: 1000 });
  const recorder = new LoginRecorder(accounts, log);
  const logins = new Logins({
    accounts,
    domains,
    recorder,
    nowMs: Date.now,
    defaultDomain: "example.org",
    saltSecret: new Uint8Array(32),
    domainLimits: false,
    cramFromPassword: false,
    keepLastauth: true,
    keepRelay: true,
    exists: fileExists,
    controlDirectory: paths.control,
    ...options.logins,
  });
  const path = `${paths.run}/lookup.socket`;
  const service = joinedService(answers, logins);
  const keptRecipient = (address: string) => answers.keptRecipient(address);
  const server = await LookupServer.listen(path, { service, keptRecipient, log });
  const client = new LookupClient({ path, timeoutMs: options.timeoutMs ?? 10_000 });
  return {
    client,
    server,
    recorder,
    path,
    lines,
    async [Symbol.asyncDispose]() {
      client.close();
      await server.close();
      await recorder.close();
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
