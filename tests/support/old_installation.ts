/**
 * Installations as vpopmail and qmail leave them, made in a folder of a test: control files, users/assign, domains with
 * users in vpasswd, mail with UIDs that Courier or Dovecot gave.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { writeCdb } from "../../storage/cdb/writer.ts";
import { realDisk } from "../../storage/disk.ts";

/** A user of vpopmail. */
export interface OldUser {
  readonly name: string;
  /** crypt(3) string. */
  readonly password: string;
  readonly flags?: number;
  readonly gecos?: string;
  readonly quota?: string;
  readonly clearText?: string;
}

/** Folders of an old installation. */
export interface OldInstallation {
  readonly vpopmail: string;
  readonly qmail: string;
}

/** Password `secret`, as vpopmail hashed it: MD5 by crypt(3). */
export const SECRET_MD5 = "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1";

/** Makes qmail's part: control files, users/assign with these domains and their aliases, ~alias, an empty queue. */
export async function makeOldQmail(
  folder: string,
  domains: readonly { readonly name: string; readonly aliases?: readonly string[]; readonly directory: string }[],
): Promise<void> {
  const names = domains.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const owner = `${Deno.uid()}:${Deno.gid()}`;
  const lines = domains.flatMap(({ name, aliases = [], directory }) =>
    [name, ...aliases].map((local) => `+${local}-:${name}:${owner}:${directory}:-::\n`)
  );
  const files: Readonly<Record<string, string>> = {
    "control/me": "old.example\n",
    "control/locals": "old.example\n",
    "control/rcpthosts": ["old.example", ...names, ""].join("\n"),
    "control/virtualdomains": [...names.map((name) => `${name}:${name}`), "lists.example:lists", ""].join("\n"),
    "control/smtproutes": "relay.example:192.0.2.1\n",
    "control/databytes": "20000000\n",
    "control/strange": "x\n",
    "users/assign": `=lists-admin:lists:${owner}:/home/lists:-:admin:\n${lines.join("")}.\n`,
    "alias/.qmail-root": "&postmaster@old.example\n",
    "queue/mess/0/1234": "waits\n",
  };
  for (const [name, text] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, text);
  }
}

/** Makes the folder of a domain with a Maildir for each user and the line that delivers. */
export async function makeOldDomain(directory: string, users: readonly OldUser[], bin: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  for (const { name } of users) {
    for (const part of ["cur", "new", "tmp"]) {
      await Deno.mkdir(`${directory}/${name}/Maildir/${part}`, { recursive: true });
    }
  }
  await Deno.writeTextFile(`${directory}/.qmail-default`, `| ${bin}/vdelivermail '' bounce-no-mailbox\n`);
}

/** The line of vpasswd of a user. */
export function vpasswdLine(directory: string, user: OldUser): string {
  const { name, password, flags = 0, gecos = name, quota = "NOQUOTA", clearText } = user;
  const line = `${name}:${password}:1:${flags}:${gecos}:${directory}/${name}:${quota}`;
  return clearText === undefined ? line : `${line}:${clearText}`;
}

/** Writes vpasswd and vpasswd.cdb as vpopmail does: the key is the name, the data the rest of the line. */
export async function writeVpasswd(directory: string, lines: readonly string[]): Promise<void> {
  await Deno.writeTextFile(`${directory}/vpasswd`, lines.map((line) => `${line}\n`).join(""));
  const records = lines.map((line) => {
    const colon = line.indexOf(":");
    return [latin1Bytes(line.slice(0, colon)), new TextEncoder().encode(line.slice(colon + 1))] as const;
  });
  await writeCdb(realDisk, `${directory}/vpasswd.cdb`, records);
}

/** Puts a message with a known UID into a Maildir, as Courier keeps it. */
export async function putOldMail(
  maildir: string,
  mail: { readonly subject: string; readonly uid: number },
): Promise<void> {
  const name = `1200000000.M1P1.old,S=60:2,S`;
  await Deno.writeTextFile(
    `${maildir}/cur/${name}`,
    `From: old@elsewhere.example\nSubject: ${mail.subject}\n\nold mail\n`,
  );
  await Deno.writeTextFile(
    `${maildir}/courierimapuiddb`,
    `1 1188888888 ${mail.uid + 1}\n${mail.uid} ${name.split(":")[0]}\n`,
  );
}
