/**
 * After the secret was right: is the service open to the account, has anything expired, and what does the login leave
 * behind [spec formats 12] [man login_tasks.9] [decision 0084].
 */
import type { Accounts } from "../../storage/accounts/accounts.ts";
import { DOMAIN_LIMITS_FILE } from "../../storage/accounts/domains/limit_checks.ts";
import type { AuthContext, AuthResult } from "../../storage/accounts/lookup_types.ts";
import { limitFlags, type Limits } from "../../storage/accounts/tables/vlimits.ts";
import { USER_FLAGS, type UserRow } from "../../storage/accounts/users.ts";
import type { VirtualDomain } from "../../storage/accounts/virtual_domains.ts";
import { accountOf, plainIp } from "./answers.ts";
import { accountParts, type LoginNames } from "./login_name.ts";
import { LoginPolicy, type LoginPolicySettings } from "./login_policy.ts";
import type { LoginRecorder } from "./recorder.ts";
import type { PasswordRenewer } from "./renewals.ts";
import { StandIns } from "./stand_ins.ts";

/** What admission needs. */
export interface AdmissionSources extends LoginNames {
  readonly accounts: Accounts;
  readonly recorder: LoginRecorder;
  readonly renewer: PasswordRenewer;
  readonly policy: LoginPolicySettings;
  readonly nowMs: () => number;
  /** DOMAIN_LIMITS: apply vlimits, also to domains that vmoddomain -l has not set so. */
  readonly domainLimits: boolean;
  /** Neither NOLASTAUTH nor NORELAY. */
  readonly keepLastauth: boolean;
  readonly keepRelay: boolean;
  /** Whether a file is there (nologin). */
  readonly exists: (path: string) => boolean;
  /** Folder of control files. */
  readonly controlDirectory: string;
}

/** A user that was found, with its domain. */
export interface Found {
  readonly user: UserRow;
  readonly domain: VirtualDomain;
}

const SERVICE_FLAG = { smtp: USER_FLAGS.noSmtp, imap: USER_FLAGS.noImap, pop3: USER_FLAGS.noPop, auth: 0 } as const;
const SERVICE_NAME = { smtp: "SMTP", imap: "IMAP", pop3: "POP3", auth: "login" } as const;

/** Lets users in whose secret was right, or says why not. */
export class Admission {
  readonly #sources: AdmissionSources;
  readonly #policy: LoginPolicy;
  readonly #standIns = new StandIns();

  constructor(sources: AdmissionSources) {
    this.#sources = sources;
    const { lastauth } = sources.accounts;
    this.#policy = new LoginPolicy(sources.policy, (user, domain) => lastauth.find(user, domain));
  }

  /** What the password of a user that is not there, or has none, is checked against: it costs what the domain's others do. */
  standIn(name: string): string | undefined {
    return this.#standIns.of(accountParts(name, this.#sources).domain);
  }

  /** The secret is right: may this service be used? `password` where the client has sent it as such. */
  async admit(found: Found, context: AuthContext, password?: string): Promise<AuthResult> {
    const { user, domain } = found;
    const { accounts, domainLimits, exists, nowMs } = this.#sources;
    this.#standIns.seen(user);
    const inForce = domainLimits || context.withLimits === true || exists(`${domain.directory}/${DOMAIN_LIMITS_FILE}`);
    const limits = inForce ? await accounts.limits.of(user.name, user.domain) : undefined;
    const masked = limits && !(user.flags & USER_FLAGS.override) ? limitFlags(limits) : 0;
    const flags = user.flags | masked;
    const reason = this.#refusal(flags, domain, context) ?? (limits && this.#expired(limits));
    if (reason !== undefined) return { kind: "forbidden", reason };
    const isMailbox = context.service === "imap" || context.service === "pop3";
    const nowSeconds = Math.floor(nowMs() / 1000);
    const verdict = await this.#policy.check(user, { isMailbox, nowSeconds });
    if (verdict.refusal !== undefined) return { kind: "forbidden", reason: verdict.refusal };
    if (user.inactive && isMailbox) await this.#activate(user, context);
    if (password !== undefined) this.#sources.renewer.note(user, password);
    if (!verdict.hasty) this.#record(user, context);
    if (isMailbox && !(flags & USER_FLAGS.noRelay)) this.#grant(user, context);
    const inactive = user.inactive && !isMailbox;
    const home = verdict.hasty ? this.#policy.hastyHome ?? user.home : user.home;
    const account = { ...accountOf(user, domain), flags, inactive, home };
    return { kind: "ok", account, mayRelay: !(flags & USER_FLAGS.noRelay) };
  }

  #refusal(flags: number, domain: VirtualDomain, context: AuthContext): string | undefined {
    const { exists, controlDirectory } = this.#sources;
    if (flags & SERVICE_FLAG[context.service]) {
      return `${SERVICE_NAME[context.service]} is switched off for this account`;
    }
    if (exists(`${domain.directory}/nologin`)) return "logins to this domain are switched off";
    return exists(`${controlDirectory}/nologin`) ? "logins are switched off" : undefined;
  }

  #expired(limits: Limits): string | undefined {
    const nowSeconds = this.#sources.nowMs() / 1000;
    const past = (seconds: number) => seconds >= 0 && seconds < nowSeconds;
    if (past(limits.domain_expiry)) return "this domain has expired";
    return past(limits.passwd_expiry) ? "this password has expired" : undefined;
  }

  async #activate(user: UserRow, context: AuthContext): Promise<void> {
    await this.#sources.accounts.users.setInactive(user.name, user.domain, false);
    if (this.#sources.keepLastauth) this.#sources.recorder.event(this.#event(user, context, "ACTI"));
  }

  #record(user: UserRow, context: AuthContext): void {
    const { service } = context;
    if (!this.#sources.keepLastauth || service === "auth") return; // a check, not a login
    const event = this.#event(user, context, service);
    this.#sources.recorder.event(event);
    if (service !== "smtp") this.#policy.recorded(user, event.seconds);
  }

  /** POP before SMTP [spec formats 26]. */
  #grant(user: UserRow, { remoteHost }: AuthContext): void {
    if (!this.#sources.keepRelay || remoteHost === "") return;
    const seconds = Math.floor(this.#sources.nowMs() / 1000);
    const ipAddress = plainIp(remoteHost);
    this.#sources.recorder.grant({ email: `${user.name}@${user.domain}`, ipAddress, seconds });
  }

  #event(user: UserRow, context: AuthContext, service: "smtp" | "imap" | "pop3" | "ACTI") {
    return {
      user: user.name,
      domain: user.domain,
      service,
      remoteIp: context.remoteHost,
      quotaBytes: 0,
      gecos: user.gecos,
      seconds: Math.floor(this.#sources.nowMs() / 1000),
    };
  }
}
