/** Names of domains and users that commands may create, and addresses on their command lines [man vadduser.9]. */
import { Permanent, Usage } from "../../core/errors.ts";

/** Widths of the columns [spec tables]. */
const NAME_MAX = 40;
const DOMAIN_MAX = 64;

/** A user and a domain. */
export interface UserAddress {
  readonly name: string;
  readonly domain: string;
}

/** A domain name in lower case. Throws Permanent naming what is wrong [man vadddomain.9]. */
export function checkDomainName(text: string): string {
  const domain = text.toLowerCase();
  if (domain.length > DOMAIN_MAX) throw new Permanent(`${domain}: a domain name has at most ${DOMAIN_MAX} characters`);
  const labels = domain.split(".");
  if (domain === "" || labels.some((label) => !/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(label))) {
    throw new Permanent(`${text} is not a domain name: letters, digits, - and dots, - not first or last`);
  }
  return domain;
}

/** A user name in lower case. Throws Permanent naming what is wrong [man vadduser.9]. */
export function checkUserName(text: string): string {
  const name = text.toLowerCase();
  if (name.length > NAME_MAX) throw new Permanent(`${name}: a user name has at most ${NAME_MAX} characters`);
  if (!/^[a-z0-9_.-]+$/.test(name) || name === "." || name === "..") {
    throw new Permanent(`${text} is not a user name: letters, digits, dot, - and _ only`);
  }
  return name;
}

/** `user@domain`, or a user of the default domain. Throws Usage when neither part can be told. */
export function parseUserAddress(text: string, defaultDomain: string | undefined): UserAddress {
  const at = text.lastIndexOf("@");
  const [name, domain] = at < 0 ? [text, defaultDomain ?? ""] : [text.slice(0, at), text.slice(at + 1)];
  if (name === "" || domain === "") throw new Usage(`${text} is not an address: user@domain`);
  return { name: checkUserName(name), domain: checkDomainName(domain) };
}

/** A comment: no colon, which the original's records separate fields with, and no control characters. */
export function checkGecos(text: string): string {
  if (/[:\p{Cc}]/u.test(text)) {
    throw new Permanent(`comment ${JSON.stringify(text)} holds a colon or a control character`);
  }
  return text;
}
