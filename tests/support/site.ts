/**
 * A small installation in a temporary folder for tests: control files, embedded database, a virtual domain with users.
 */
import { type Paths, resolvePaths } from "../../core/paths.ts";
import { Accounts } from "../../storage/accounts/accounts.ts";
import { addDomain, domainOwner } from "../../storage/accounts/add_domain.ts";
import { Command } from "../../storage/accounts/command.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { makePassword, type PasswordChoice } from "../../storage/accounts/password_choice.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";

/** An installation of a test. */
export interface Site {
  readonly paths: Paths;
  readonly command: Command;
  /** Adds a domain with postmaster. */
  addDomain(domain: string, options?: { readonly fallback?: string }): Promise<void>;
  /** Adds a user with a password, stored also for SCRAM-SHA-256 and CRAM unless `choice` says otherwise. */
  addUser(address: string, password: string, choice?: Partial<PasswordChoice>): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Quick hashes: tests are not about their cost. */
const CHOICE: PasswordChoice = {
  encrypted: false,
  hash: "MD5",
  scram: "SCRAM-SHA-256",
  clear: true,
  salt: undefined,
  iterations: "100",
};

/** Makes an installation without domains; `database` instead of the embedded one. */
export async function makeSite(options: { readonly database?: Database } = {}): Promise<Site> {
  const root = await Deno.makeTempDir({ prefix: "site-" });
  const paths = resolvePaths(root, () => undefined);
  for (const folder of [paths.control, paths.users, paths.domains, paths.mail, paths.alias, paths.lib, paths.run]) {
    await Deno.mkdir(folder, { recursive: true });
  }
  await Deno.writeTextFile(`${paths.control}/me`, "mx.example\n");
  const accounts = new Accounts(options.database ?? openSqlite(paths.database));
  const clock = { nowMs: () => Date.now(), sleep: () => Promise.resolve() };
  const command = new Command({ paths, clock, env: { get: () => undefined } }, accounts);
  const defaults = { environment: undefined, control: [] };
  return {
    paths,
    command,
    async addDomain(domain, { fallback = "bounce-no-mailbox" } = {}) {
      const columns = await makePassword("postmaster", CHOICE, defaults);
      await addDomain(command, { domain, ...columns, files: { ...domainOwner(), fallback } }, () => undefined);
    },
    async addUser(address, password, choice = {}) {
      const { address: parts, domain } = await command.locate(address);
      const columns = await makePassword(password, { ...CHOICE, ...choice }, defaults);
      const user = { ...columns, gecos: parts.name, inactive: false, makeDirectory: true };
      if (await command.users.add(parts, domain, user) === "exists") throw new Error(`${address} exists`);
    },
    async [Symbol.asyncDispose]() {
      await accounts.close();
      await Deno.remove(root, { recursive: true });
    },
  };
}
