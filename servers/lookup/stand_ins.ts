/**
 * Hashes of nothing that anyone knows, one a scheme, to check the passwords of users against who are not there: the time
 * that takes must not tell them from the others of their domain.
 */
import { randomBytes } from "node:crypto";
import type { HashScheme } from "../../storage/accounts/passwords.ts";
import { schemeOf } from "../../storage/accounts/logins/password_strength.ts";
import type { UserRow } from "../../storage/accounts/users.ts";

/** Domains whose scheme is remembered. */
const DOMAINS_MAX = 10_000;
/** Settings of a hash without the part that tells the cost: `$6$` and `$6$rounds=5000$` cost different times. */
const SETTING = /^(\$(?:2[abxy]\$\d\d|y\$[./0-9A-Za-z]+|[156](?:\$rounds=\d+)?|gy\$[./0-9A-Za-z]+|7)\$)/;
const SALT_CHARACTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** Characters of salt and hash behind a setting; of salt alone for bcrypt and yescrypt, whose last one is a dot. */
const TAIL = {
  DES: [2, 11],
  MD5: [8, 22],
  "SHA-256": [16, 43],
  "SHA-512": [16, 86],
  BCRYPT: [21, 31],
  YESCRYPT: [21, 43],
};

/** What was seen of domains. */
export class StandIns {
  readonly #byDomain = new Map<string, string>();
  readonly #bySetting = new Map<string, string>();

  /** Remembers how a user's domain stores its passwords. */
  seen({ domain, password }: Pick<UserRow, "domain" | "password">): void {
    const scheme = schemeOf(password);
    if (scheme === undefined) return;
    const setting = scheme === "DES" ? "" : SETTING.exec(password)?.[1];
    if (setting === undefined) return;
    const kept = this.#byDomain.get(domain);
    const hash = this.#hash(setting, scheme);
    if (kept === hash) return;
    if (this.#byDomain.size >= DOMAINS_MAX) this.#byDomain.delete(this.#byDomain.keys().next().value!);
    this.#byDomain.set(domain, hash);
  }

  /** What stands in for a user of that domain; undefined: nothing is known of it, the usual does. */
  of(domain: string): string | undefined {
    return this.#byDomain.get(domain);
  }

  #hash(setting: string, scheme: HashScheme): string {
    const kept = this.#bySetting.get(setting);
    if (kept !== undefined) return kept;
    const [salt = 0, hash = 0] = TAIL[scheme];
    const dot = scheme === "BCRYPT" || scheme === "YESCRYPT" ? "." : "";
    const divider = setting === "" || scheme === "BCRYPT" ? "" : "$";
    const made = `${setting}${characters(salt)}${dot}${divider}${characters(hash)}`;
    if (this.#bySetting.size >= DOMAINS_MAX) this.#bySetting.clear();
    this.#bySetting.set(setting, made);
    return made;
  }
}

function characters(count: number): string {
  let text = "";
  for (const byte of randomBytes(count)) text += SALT_CHARACTERS[byte & 63];
  return text;
}
