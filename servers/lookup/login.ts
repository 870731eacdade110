/**
 * Logins: password, CRAM-MD5 and SCRAM checks, then whether the service is open to the account [spec formats 12]. A
 * user that is not there answers as a wrong password does, at the same cost.
 */
import { createHmac } from "node:crypto";
import { formatBase64, parseBase64 } from "../../mail/sasl/base64.ts";
import {
  saltedPassword,
  SCRAM_ITERATIONS_DEFAULT,
  type ScramKeys,
  scramKeys,
  scramServerSignature,
  verifyScramProof,
} from "../../mail/sasl/scram.ts";
import type { Accounts } from "../../storage/accounts/accounts.ts";
import { parseCredential } from "../../storage/accounts/credentials.ts";
import { DOMAIN_LIMITS_FILE } from "../../storage/accounts/domains/limit_checks.ts";
import type { AuthContext, AuthResult, ScramParameters } from "../../storage/accounts/lookup_types.ts";
import { isHashed, sameText, verifyPassword } from "../../storage/accounts/passwords.ts";
import { USER_FLAGS, type UserRow } from "../../storage/accounts/users.ts";
import type { VirtualDomain, VirtualDomains } from "../../storage/accounts/virtual_domains.ts";
import { limitFlags, type Limits } from "../../storage/accounts/tables/vlimits.ts";
import { accountOf, splitAddress } from "./answers.ts";
import type { LoginRecorder } from "./recorder.ts";

/** What logins need. */
export interface LoginSources {
  readonly accounts: Accounts;
  readonly domains: VirtualDomains;
  readonly recorder: LoginRecorder;
  readonly nowMs: () => number;
  /** Domain of a user name without one. */
  readonly defaultDomain: string;
  /** Secret that made-up salts come from. */
  readonly saltSecret: Uint8Array;
  /** DOMAIN_LIMITS: apply vlimits, also to domains that vmoddomain -l has not set so. */
  readonly domainLimits: boolean;
  /** ENABLE_CRAM: pw_passwd itself, even a hash, is the CRAM secret. */
  readonly cramFromPassword: boolean;
  /** Neither NOLASTAUTH nor NORELAY. */
  readonly keepLastauth: boolean;
  readonly keepRelay: boolean;
  /** Whether a file is there (nologin). */
  readonly exists: (path: string) => boolean;
  /** Folder of control files. */
  readonly controlDirectory: string;
}

interface Found {
  readonly user: UserRow;
  readonly domain: VirtualDomain;
}

const DENIED: AuthResult = { kind: "denied" };
const SERVICE_FLAG = { smtp: USER_FLAGS.noSmtp, imap: USER_FLAGS.noImap, pop3: USER_FLAGS.noPop } as const;
const SERVICE_NAME = { smtp: "SMTP", imap: "IMAP", pop3: "POP3" } as const;
const SALT_BYTES = 16;

/** The login questions of the lookup daemon. */
export class Logins {
  readonly #sources: LoginSources;

  constructor(sources: LoginSources) {
    this.#sources = sources;
  }

  /** PLAIN and LOGIN. */
  async verifyPassword(name: string, password: string, context: AuthContext): Promise<AuthResult> {
    const found = await this.#find(name);
    const right = await verifyPassword(password, found?.user.password);
    return found && right ? await this.#admit(found, context) : DENIED;
  }

  /** CRAM-MD5 [rfc2195]. */
  async verifyCram(name: string, challenge: string, digestHex: string, context: AuthContext): Promise<AuthResult> {
    const found = await this.#find(name);
    const secret = found && this.#cramSecret(found.user);
    const expected = createHmac("md5", secret ?? this.#sources.saltSecret).update(challenge).digest("hex");
    const right = sameText(expected, digestHex.toLowerCase());
    return found && secret !== undefined && right ? await this.#admit(found, context) : DENIED;
  }

  /** SCRAM, first step. */
  async scramParameters(name: string, hash: "sha-1" | "sha-256"): Promise<ScramParameters> {
    const found = await this.#find(name);
    const stored = found && parseCredential(found.user.scram).scram;
    if (stored?.hash === hash) return { saltBase64: stored.saltBase64, iterations: stored.iterations };
    const saltBase64 = formatBase64(this.#madeUpSalt(name, hash));
    return { saltBase64, iterations: stored?.iterations ?? SCRAM_ITERATIONS_DEFAULT };
  }

  /** SCRAM, last step. */
  async verifyScram(
    name: string,
    exchange: { readonly hash: "sha-1" | "sha-256"; readonly authMessage: string; readonly proofBase64: string },
    context: AuthContext,
  ): Promise<{ readonly result: AuthResult; readonly serverSignatureBase64: string }> {
    const { hash, authMessage } = exchange;
    const found = await this.#find(name);
    const keys = found && await this.#scramKeys(name, found.user, hash);
    const proof = parseBase64(exchange.proofBase64);
    if (!found || !keys || !proof || !verifyScramProof(keys.storedKey, proof, { hash, authMessage })) {
      return { result: DENIED, serverSignatureBase64: "" };
    }
    const result = await this.#admit(found, context);
    const signature = result.kind === "ok" ? formatBase64(scramServerSignature(hash, keys.serverKey, authMessage)) : "";
    return { result, serverSignatureBase64: signature };
  }

  /** `user@domain`, `user%domain`, or a user of the default domain [man vchkpass.8]. */
  async #find(name: string): Promise<Found | undefined> {
    const lower = name.toLowerCase();
    const address = lower.includes("@") ? lower : lower.replace(/%(?=[^%]*$)/, "@");
    const { local, domain } = splitAddress(address);
    const route = this.#sources.domains.route("", domain || this.#sources.defaultDomain);
    if (route.kind !== "virtual" || local === "") return undefined;
    const user = await this.#sources.accounts.users.find(local, route.domain.name);
    return user && { user, domain: route.domain };
  }

  #cramSecret(user: UserRow): string | undefined {
    const { clearText } = parseCredential(user.scram);
    if (clearText !== undefined) return clearText;
    const usable = user.password !== "" && (this.#sources.cramFromPassword || !isHashed(user.password));
    return usable ? user.password : undefined;
  }

  async #scramKeys(name: string, user: UserRow, hash: "sha-1" | "sha-256"): Promise<ScramKeys | undefined> {
    const { scram, clearText } = parseCredential(user.scram);
    if (scram?.hash === hash) return scram;
    const secret = clearText ?? (user.password !== "" && !isHashed(user.password) ? user.password : undefined);
    if (secret === undefined) return undefined;
    const iterations = scram?.iterations ?? SCRAM_ITERATIONS_DEFAULT;
    return scramKeys(hash, await saltedPassword(secret, this.#madeUpSalt(name, hash), { hash, iterations }));
  }

  #madeUpSalt(name: string, hash: string): Uint8Array {
    const digest = createHmac("sha256", this.#sources.saltSecret).update(`${hash} ${name.toLowerCase()}`).digest();
    return new Uint8Array(digest.subarray(0, SALT_BYTES));
  }

  /** The password is right: may this service be used? */
  async #admit(found: Found, context: AuthContext): Promise<AuthResult> {
    const { user, domain } = found;
    const { accounts, domainLimits, exists } = this.#sources;
    const inForce = domainLimits || exists(`${domain.directory}/${DOMAIN_LIMITS_FILE}`);
    const limits = inForce ? await accounts.limits.of(user.name, user.domain) : undefined;
    const masked = limits && !(user.flags & USER_FLAGS.override) ? limitFlags(limits) : 0;
    const flags = user.flags | masked;
    const reason = this.#refusal(flags, domain, context) ?? (limits && this.#expired(limits));
    if (reason !== undefined) return { kind: "forbidden", reason };
    if (user.inactive && context.service !== "smtp") await this.#activate(user, context);
    this.#record(user, context);
    const inactive = user.inactive && context.service === "smtp";
    const account = { ...accountOf(user, domain), flags, inactive };
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
    const { service, remoteHost } = context;
    if (service === "smtp") return;
    if (this.#sources.keepLastauth) this.#sources.recorder.event(this.#event(user, context, service));
    if (!this.#sources.keepRelay || remoteHost === "") return;
    const seconds = Math.floor(this.#sources.nowMs() / 1000);
    this.#sources.recorder.grant({ email: `${user.name}@${user.domain}`, ipAddress: remoteHost, seconds });
  }

  #event(user: UserRow, context: AuthContext, service: "imap" | "pop3" | "ACTI") {
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
