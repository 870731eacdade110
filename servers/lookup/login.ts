/**
 * Logins: password, CRAM-MD5 and SCRAM checks, then whether the service is open to the account [spec formats 12]. A
 * user that is not there answers as a wrong password does, at the same cost.
 */
import { createHmac } from "node:crypto";
import { formatBase64, parseBase64 } from "../../mail/sasl/base64.ts";
import { digestKeys } from "../../mail/sasl/digest_md5.ts";
import {
  saltedPassword,
  SCRAM_ITERATIONS_DEFAULT,
  type ScramHash,
  type ScramKeys,
  scramKeys,
  scramServerSignature,
  verifyScramProof,
} from "../../mail/sasl/scram.ts";
import { parseCredential } from "../../storage/accounts/credentials.ts";
import type {
  AuthContext,
  AuthResult,
  CramExchange,
  DigestExchange,
  ScramExchange,
  ScramParameters,
} from "../../storage/accounts/lookup_types.ts";
import { isHashed, sameText, verifyPassword } from "../../storage/accounts/passwords.ts";
import type { UserRow } from "../../storage/accounts/users.ts";
import type { VirtualDomains } from "../../storage/accounts/virtual_domains.ts";
import { Admission, type AdmissionSources, type Found } from "./admission.ts";
import { plainIp, splitAddress } from "./answers.ts";

/** What logins need. */
export interface LoginSources extends AdmissionSources {
  readonly domains: VirtualDomains;
  /** Domain of a user name without one. */
  readonly defaultDomain: string;
  /** Table ip_alias_map gives names without a domain one: no INDIMAIL_DOMAIN. */
  readonly mapsAddresses: boolean;
  /** Secret that made-up salts come from. */
  readonly saltSecret: Uint8Array;
  /** Who tokens belong to; undefined: tokens are not taken. */
  readonly tokens?: TokenOwners | undefined;
  /** The hash that accounts have SCRAM records of; SCRAM of others is computed from the clear text. */
  readonly recordedScram: () => ScramHash | undefined;
  /** ENABLE_CRAM: pw_passwd itself, even a hash, is the CRAM secret. */
  readonly cramFromPassword: boolean;
}

/** Tells who a bearer token belongs to. */
export interface TokenOwners {
  /** Name of a user, as clients give it; undefined for a token that is not good. Throws Temporary when it cannot tell. */
  ownerOf(token: string): Promise<string | undefined>;
}

const DENIED: AuthResult = { kind: "denied" };
const SALT_BYTES = 16;

/** The login questions of the lookup daemon. */
export class Logins {
  readonly #sources: LoginSources;
  readonly #admission: Admission;

  constructor(sources: LoginSources) {
    this.#sources = sources;
    this.#admission = new Admission(sources);
  }

  /** PLAIN and LOGIN. */
  async verifyPassword(name: string, password: string, context: AuthContext): Promise<AuthResult> {
    const found = await this.#find(name, context);
    const right = await verifyPassword(password, found?.user.password || this.#admission.standIn(name));
    return found && right ? await this.#admission.admit(found, context, password) : DENIED;
  }

  /** CRAM-MD5 and kin [rfc2195]. */
  async verifyCram(name: string, exchange: CramExchange, context: AuthContext): Promise<AuthResult> {
    const found = await this.#find(name, context);
    const secret = found && this.#clearSecret(found.user);
    const expected = createHmac(exchange.hash, secret ?? this.#sources.saltSecret).update(exchange.challenge);
    const right = sameText(expected.digest("hex"), exchange.digestHex.toLowerCase());
    return found && secret !== undefined && right ? await this.#admission.admit(found, context) : DENIED;
  }

  /** DIGEST-MD5 [rfc2831]; a user without a domain is one of the realm's where that is a domain of ours. */
  async verifyDigest(
    name: string,
    exchange: DigestExchange,
    context: AuthContext,
  ): Promise<{ readonly result: AuthResult; readonly rspauth: string }> {
    const found = await this.#find(name, { ...context, realm: exchange.realm });
    const secret = found && this.#clearSecret(found.user);
    const keys = digestKeys({ user: name, password: secret ?? formatBase64(this.#sources.saltSecret) }, exchange);
    const right = sameText(keys.response, exchange.response.toLowerCase());
    if (!found || secret === undefined || !right) return { result: DENIED, rspauth: "" };
    const result = await this.#admission.admit(found, context);
    return { result, rspauth: result.kind === "ok" ? keys.rspauth : "" };
  }

  /** XOAUTH2 and OAUTHBEARER [rfc7628]; without a name the token alone says who it is. */
  async verifyToken(name: string, token: string, context: AuthContext): Promise<AuthResult> {
    const { tokens } = this.#sources;
    if (!tokens) return DENIED;
    const found = name === "" ? undefined : await this.#find(name, context);
    const owner = await tokens.ownerOf(token);
    const owning = owner === undefined ? undefined : await this.#find(owner, {});
    if (!owning || (name !== "" && !found)) return DENIED;
    const same = !found || (found.user.name === owning.user.name && found.user.domain === owning.user.domain);
    return same ? await this.#admission.admit(owning, context) : DENIED;
  }

  /** SCRAM, first step. */
  async scramParameters(name: string, hash: ScramHash, localHost?: string): Promise<ScramParameters> {
    const found = await this.#find(name, { localHost });
    const stored = found && parseCredential(found.user.scram).scram;
    if (stored?.hash === hash) return { saltBase64: stored.saltBase64, iterations: stored.iterations };
    const saltBase64 = formatBase64(this.#madeUpSalt(name, hash));
    return { saltBase64, iterations: stored?.iterations ?? SCRAM_ITERATIONS_DEFAULT };
  }

  /** SCRAM, last step. */
  async verifyScram(
    name: string,
    exchange: ScramExchange,
    context: AuthContext,
  ): Promise<{ readonly result: AuthResult; readonly serverSignatureBase64: string }> {
    const { hash, authMessage } = exchange;
    const found = await this.#find(name, context);
    const keys = found && await this.#scramKeys(name, found.user, hash);
    const proof = parseBase64(exchange.proofBase64) ?? new Uint8Array();
    const { storedKey, serverKey } = keys ?? await this.#nobodysKeys(name, hash);
    const right = verifyScramProof(storedKey, proof, { hash, authMessage });
    if (!found || !keys || !right) {
      return { result: DENIED, serverSignatureBase64: "" };
    }
    const result = await this.#admission.admit(found, context);
    const signature = result.kind === "ok" ? formatBase64(scramServerSignature(hash, serverKey, authMessage)) : "";
    return { result, serverSignatureBase64: signature };
  }

  /**
   * `user@domain`, `user%domain`, or a user of the realm, of the domain that vipmap gives our address, or of the default
   * domain [man vchkpass.8] [man vipmap.1].
   */
  async #find(
    name: string,
    from: { readonly realm?: string; readonly localHost?: string | undefined },
  ): Promise<Found | undefined> {
    const lower = name.toLowerCase();
    const address = lower.includes("@") ? lower : lower.replace(/%(?=[^%]*$)/, "@");
    const { local, domain } = splitAddress(address);
    const { domains, accounts } = this.#sources;
    const route = domains.route("", domain || await this.#domainOf(from));
    if (route.kind !== "virtual" || local === "") return undefined;
    const user = await accounts.users.find(local, route.domain.name);
    return user && { user, domain: route.domain };
  }

  /** The domain of a name without one. */
  async #domainOf(from: { readonly realm?: string; readonly localHost?: string | undefined }): Promise<string> {
    const { domains, accounts, defaultDomain, mapsAddresses } = this.#sources;
    const realm = from.realm?.toLowerCase() ?? "";
    if (realm !== "" && domains.route("", realm).kind === "virtual") return realm;
    if (!mapsAddresses || !from.localHost) return defaultDomain;
    return await accounts.ipAliases.find(plainIp(from.localHost)) ?? defaultDomain;
  }

  #clearSecret(user: UserRow): string | undefined {
    const { clearText } = parseCredential(user.scram);
    if (clearText !== undefined) return clearText;
    const usable = user.password !== "" && (this.#sources.cramFromPassword || !isHashed(user.password));
    return usable ? user.password : undefined;
  }

  async #scramKeys(name: string, user: UserRow, hash: ScramHash): Promise<ScramKeys | undefined> {
    const { scram, clearText } = parseCredential(user.scram);
    if (scram?.hash === hash) return scram;
    const secret = clearText ?? (user.password !== "" && !isHashed(user.password) ? user.password : undefined);
    if (secret === undefined) return undefined;
    const iterations = scram?.iterations ?? SCRAM_ITERATIONS_DEFAULT;
    return scramKeys(hash, await saltedPassword(secret, this.#madeUpSalt(name, hash), { hash, iterations }));
  }

  /** Keys that cost what those of a user of this installation cost. */
  async #nobodysKeys(name: string, hash: ScramHash): Promise<ScramKeys> {
    const salt = this.#madeUpSalt(name, hash);
    if (hash === this.#sources.recordedScram()) return scramKeys(hash, salt);
    const options = { hash, iterations: SCRAM_ITERATIONS_DEFAULT };
    return scramKeys(hash, await saltedPassword(formatBase64(this.#sources.saltSecret), salt, options));
  }

  #madeUpSalt(name: string, hash: string): Uint8Array {
    const digest = createHmac("sha256", this.#sources.saltSecret).update(`${hash} ${name.toLowerCase()}`).digest();
    return new Uint8Array(digest.subarray(0, SALT_BYTES));
  }
}
