/**
 * iauth: our own accounts as pam-multi's library of that name [man pam-multi.8]. Passwords are checked by the lookup daemon, the
 * same way as at logins of our IMAP and POP3 servers, service bits and domain limits with them; expiry by inactivity and
 * by age of the password is read from the database [spec tables].
 */
import { PAM } from "../../core/libc/pam.ts";
import type { GetEnv, Paths } from "../../core/paths.ts";
import type { Accounts } from "../../storage/accounts/accounts.ts";
import { openAccounts } from "../../storage/accounts/accounts.ts";
import { openLookup } from "../../storage/accounts/lookup_client.ts";
import type { AuthService, Lookup } from "../../storage/accounts/lookup_types.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import { ControlFiles } from "../../storage/control/control.ts";

/** When account and password end, in seconds since 1970; 0: never. */
export interface ExpiryTimes {
  readonly account: number;
  readonly password: number;
}

/** A login to check. */
export interface IauthLogin {
  readonly name: string;
  readonly password: string;
  /** Name of the service: imap, pop3, smtp (a part behind `:` does not count), or any other. */
  readonly service: string;
  readonly remoteHost: string;
}

const DAY_SECONDS = 86_400;
/** Days without ACCT_INACT_EXPIRY and PASSWORD_EXPIRY. */
const EXPIRY_DAYS_DEFAULT = 60;
/** Events that show an account in use. */
const LOGIN_SERVICES: readonly string[] = ["imap", "pop3", "webm"];

/** The service as logins know it. */
export function authService(name: string): AuthService {
  for (const service of ["imap", "pop3", "smtp"] as const) if (name.toLowerCase().startsWith(service)) return service;
  return "auth";
}

function isWebmail(service: string): boolean {
  return service.toLowerCase().startsWith("webm");
}

/** Checks a login; PAM's result with a text for the log. Throws Temporary when the daemon cannot be asked. */
export async function checkLogin(
  lookup: Pick<Lookup, "verifyPassword">,
  login: IauthLogin,
): Promise<{ readonly code: number; readonly text: string }> {
  const context = { service: authService(login.service), remoteHost: login.remoteHost };
  const result = await lookup.verifyPassword(login.name.toLowerCase(), login.password, context);
  switch (result.kind) {
    case "ok": {
      const isClosed = isWebmail(login.service) && (result.account.flags & USER_FLAGS.noWebmail) !== 0;
      return isClosed
        ? { code: PAM.permissionDenied, text: "webmail is switched off for this account" }
        : { code: PAM.success, text: "" };
    }
    case "denied":
      return { code: PAM.authError, text: "wrong password" };
    case "forbidden":
      return { code: /expired/.test(result.reason) ? PAM.accountExpired : PAM.permissionDenied, text: result.reason };
  }
}

/** As checkLogin, on the installation's own daemon. */
export async function checkLoginHere(paths: Paths, login: IauthLogin): ReturnType<typeof checkLogin> {
  const lookup = openLookup(paths, new ControlFiles(paths.control));
  try {
    return await checkLogin(lookup, login);
  } finally {
    lookup.close();
  }
}

function days(env: GetEnv, name: string): number {
  const text = env(name) ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : EXPIRY_DAYS_DEFAULT;
}

/**
 * When an account ends: by table vlimits with DOMAIN_LIMITS, else so many days after its last login and its last change of
 * password. Without such an event it never does.
 */
export async function expiryTimes(
  accounts: Pick<Accounts, "limits" | "lastauth">,
  user: { readonly user: string; readonly domain: string },
  env: GetEnv,
): Promise<ExpiryTimes> {
  if (env("DOMAIN_LIMITS") !== undefined) {
    const limits = await accounts.limits.of(user.user, user.domain);
    return { account: Math.max(0, limits.domain_expiry), password: Math.max(0, limits.passwd_expiry) };
  }
  const events = await accounts.lastauth.find(user.user, user.domain);
  const last = (isWanted: (service: string) => boolean) =>
    events.filter(({ service }) => isWanted(service)).reduce((newest, { seconds }) => Math.max(newest, seconds), 0);
  const login = last((service) => LOGIN_SERVICES.includes(service));
  const change = last((service) => service === "pass");
  return {
    account: login === 0 ? 0 : login + DAY_SECONDS * days(env, "ACCT_INACT_EXPIRY"),
    password: change === 0 ? 0 : change + DAY_SECONDS * days(env, "PASSWORD_EXPIRY"),
  };
}

/** As expiryTimes, of the installation's own database; undefined when there is no such user. */
export async function expiryTimesHere(
  place: { readonly paths: Paths; readonly env: GetEnv; readonly timeoutMs: number },
  user: { readonly user: string; readonly domain: string },
): Promise<ExpiryTimes | undefined> {
  const { paths, env, timeoutMs } = place;
  const control = new ControlFiles(paths.control);
  const { VirtualDomains } = await import("../../storage/accounts/virtual_domains.ts");
  const route = new VirtualDomains(paths, { nowMs: () => Date.now() }).route("", user.domain);
  if (route.kind !== "virtual") return undefined;
  const accounts = await openAccounts({ paths, control, env, timeoutMs });
  try {
    const found = await accounts.users.find(user.user, route.domain.name);
    return found && await expiryTimes(accounts, { user: found.name, domain: found.domain }, env);
  } finally {
    await accounts.close();
  }
}
