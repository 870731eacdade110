/**
 * What a login leaves behind: rows of lastauth and relay, written in batches so that a login waits for no write. Rows that
 * cannot be written are kept and tried again; above a limit the oldest go.
 */
import { errorText, Permanent } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import type { Accounts } from "../../storage/accounts/accounts.ts";
import type { Account } from "../../storage/accounts/lookup_types.ts";
import type { LastauthEvent } from "../../storage/accounts/tables/lastauth.ts";
import type { RelayGrant } from "../../storage/accounts/tables/relay.ts";

/** How long rows are gathered. */
export const RECORD_DELAY_MS = 1000;
/** Rows waiting at most. */
export const RECORDS_MAX = 20_000;
/** How often grants that are over are removed, when new ones come. */
const CLEAN_MS = 3_600_000;
/** Rows of one transaction. */
const BATCH_MAX = 1000;

/** How long a grant lives. */
export interface GrantLife {
  readonly minutes: number;
  readonly nowMs: () => number;
}

/** The recorder of one daemon. */
export class LoginRecorder {
  readonly #accounts: Accounts;
  readonly #log: Logger;
  #events: LastauthEvent[] = [];
  #grants = new Map<string, RelayGrant>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;
  readonly #relay: GrantLife;
  #cleanedMs = -Infinity;

  constructor(accounts: Accounts, log: Logger, relay: GrantLife) {
    this.#accounts = accounts;
    this.#log = log;
    this.#relay = relay;
  }

  /** Keeps an event for the next batch. */
  event(event: LastauthEvent): void {
    if (this.#events.length >= RECORDS_MAX) this.#events.shift();
    this.#events.push(event);
    this.#schedule();
  }

  /** Keeps a grant for the next batch; the last of a user and address counts. */
  grant(grant: RelayGrant): void {
    if (this.#grants.size >= RECORDS_MAX) this.#grants.clear();
    this.#grants.set(`${grant.email} ${grant.ipAddress}`, grant);
    this.#schedule();
  }

  /** Notes that mail goes to a group [spec tables, lastauth]. */
  groupDelivery({ address, gecos }: Pick<Account, "address" | "gecos">, seconds: number): void {
    const at = address.lastIndexOf("@");
    const [user, domain] = [address.slice(0, at), address.slice(at + 1)];
    const comment = gecos.slice(gecos.indexOf(" ") + 1);
    this.event({ user, domain, service: "deli", remoteIp: "", quotaBytes: 0, gecos: comment, seconds });
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#events.length + this.#grants.size > 0) this.#schedule();
      });
    }, RECORD_DELAY_MS);
  }

  async #write(): Promise<void> {
    try {
      while (this.#events.length > 0) {
        const batch = this.#events.slice(0, BATCH_MAX);
        await this.#kept(() => this.#accounts.lastauth.write(batch));
        this.#events.splice(0, batch.length);
      }
      for (const [key, grant] of this.#grants) {
        await this.#kept(() => this.#accounts.relay.add(grant));
        this.#grants.delete(key);
        await this.#clean();
      }
    } catch (error) {
      this.#log.line(`inlookup: warning: cannot write logins, trying again: ${errorText(error)}`);
    }
  }

  /** Removes grants that are over, so that the table stays small without clearopensmtp. */
  async #clean(): Promise<void> {
    const nowMs = this.#relay.nowMs();
    if (Math.abs(nowMs - this.#cleanedMs) < CLEAN_MS) return;
    this.#cleanedMs = nowMs;
    await this.#accounts.relay.removeOlder(Math.floor(nowMs / 1000) - 60 * this.#relay.minutes);
  }

  /** Writes rows; those that no table takes are dropped. */
  async #kept(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof Permanent)) throw error;
      this.#log.line(`inlookup: warning: login not recorded: ${error.message}`);
    }
  }

  /** Writes what waits, once, and stops. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#write();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
