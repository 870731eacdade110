/** Names of domains and users that commands may create, and addresses on their command lines [man vadduser.9]. */
import { Permanent, Usage } from "../../core/errors.ts";

/** Widths of the columns [spec tables]. */
const NAME_MAX = 40;
const DOMAIN_MAX = 64;

/** Aliases that every domain is made with, beside postmaster [man vadddomain.9]. */
export const POSTMASTER_ALIASES: readonly string[] = ["abuse", "mailer-daemon"];

/** Addresses that are active from the beginning, whatever is asked for [man vadduser.9]. */
export const ALWAYS_ACTIVE: readonly string[] = ["postmaster", "abuse"];

/** What the comment of a group begins with: delivery, vdeloldusers and limits know it by this [man vgroup.1]. */
export const GROUP_MARK = "MailGroup";

/** Longest folder that a command takes: a home with what is put below it must still fit column pw_dir. */
const FOLDER_MAX = 100;

/** A user and a domain. */
export interface UserAddress {
  readonly name: string;
  readonly domain: string;
}

/** Characters of an argument that a message shows at most. */
const SHOWN_MAX = 400;

/** Text of a command line for a message: quoted when it is empty or would not be seen as it is, shortened when long. */
export function shown(text: string): string {
  const short = text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
  return text === "" || /[\s\p{Cc}]/u.test(text) ? JSON.stringify(short) : short;
}

/** A domain name in lower case. Throws Permanent naming what is wrong [man vadddomain.9]. */
export function checkDomainName(text: string): string {
  const domain = text.toLowerCase();
  if (domain.length > DOMAIN_MAX) {
    throw new Permanent(`${shown(domain)}: a domain name has at most ${DOMAIN_MAX} characters`);
  }
  const labels = domain.split(".");
  if (domain === "" || labels.some((label) => !/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(label))) {
    throw new Permanent(`${shown(text)} is not a domain name: letters, digits, - and dots, - not first or last`);
  }
  return domain;
}

/** A user name in lower case. Throws Permanent naming what is wrong [man vadduser.9]. */
export function checkUserName(text: string): string {
  const name = text.toLowerCase();
  if (name.length > NAME_MAX) throw new Permanent(`${shown(name)}: a user name has at most ${NAME_MAX} characters`);
  if (!/^[a-z0-9_.-]+$/.test(name) || name === "." || name === "..") {
    throw new Permanent(`${shown(text)} is not a user name: letters, digits, dot, - and _ only`);
  }
  return name;
}

/** `user@domain`, or a user of the default domain. Throws Usage when neither part can be told. */
export function parseUserAddress(text: string, defaultDomain: string | undefined): UserAddress {
  const at = text.lastIndexOf("@");
  const [name, domain] = at < 0 ? [text, defaultDomain ?? ""] : [text.slice(0, at), text.slice(at + 1)];
  if (name === "" || domain === "") throw new Usage(`${shown(text)} is not an address: user@domain`);
  return { name: checkUserName(name), domain: checkDomainName(domain) };
}

/** Width of column pw_gecos [spec tables]. */
const GECOS_MAX = 48;

/** A comment: no colon, which the original's records separate fields with, and no control characters. */
export function checkGecos(text: string): string {
  if (/[:\p{Cc}]/u.test(text)) {
    throw new Permanent(`comment ${JSON.stringify(text)} holds a colon or a control character`);
  }
  if (text.length > GECOS_MAX) throw new Permanent(`comment ${text}: longer than ${GECOS_MAX} characters`);
  return text;
}

/**
 * A folder named on the command line, without slashes at its end. It goes into users/assign, where a colon ends a field and
 * a line feed a line, and daemons that run elsewhere must find it. Throws Permanent naming what is wrong.
 */
export function checkFolder(option: string, text: string): string {
  const folder = text.replace(/\/+$/, "");
  const parts = folder.split("/").slice(1);
  if (!folder.startsWith("/") || parts.some((part) => part === "" || part === "." || part === "..")) {
    throw new Permanent(`${option} ${JSON.stringify(text)}: not a folder by its whole path`);
  }
  if (/[:\p{Cc}]/u.test(folder)) {
    throw new Permanent(`${option} ${JSON.stringify(text)}: a colon or a control character in a folder's name`);
  }
  if (folder.length > FOLDER_MAX) throw new Permanent(`${option} ${folder}: longer than ${FOLDER_MAX} characters`);
  return folder;
}

/**
 * What becomes of mail for nobody: `delete`, `bounce-no-mailbox`, an address or a folder. It stands in a command line of
 * .qmail-default, which a shell may read. Throws Permanent.
 */
export function checkFallback(option: string, text: string): string {
  if (!/^[A-Za-z0-9/_][A-Za-z0-9@._+=%/~-]{0,254}$/.test(text)) {
    throw new Permanent(`${option} ${JSON.stringify(text)}: not an address or a folder that a shell reads as one word`);
  }
  return text;
}
