/**
 * maildirmake: makes Maildirs, folders in them, and sets their quota.
 */
import { pathExists } from "../../core/path_exists.ts";
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { encodeMutf7 } from "../../mail/imap/mailbox_name.ts";
import { realDisk } from "../../storage/disk.ts";
import { createMaildir } from "../../storage/maildir/deliver.ts";
import { formatQuota, tryQuota } from "../../storage/maildir/quota.ts";

export const applet = defineApplet({
  names: ["maildirmake", "qmaildirmake"],
  section: 1,
  summary: "create maildirs and maildir folders",
  role: "admin",
  dialect: "admin",
  options: {
    quota: { flag: "q", value: "quota", help: "set the quota: 10000000S,1000C is 10 MB and 1000 messages" },
    folder: { flag: "f", value: "folder", help: "make a folder in the maildir instead; a dot separates levels" },
    shared: { flag: "S", help: "a maildir that others can read" },
    owner: { flag: "u", value: "user:group", help: "numbers of the owner", default: "who runs it" },
  },
  operands: [{ name: "maildir", help: "path of the maildir" }],
  description:
    `maildirmake creates a maildir with its folders tmp, new and cur; it must not exist before. With -f a folder
is made inside an existing maildir. With -q the quota of a maildir is set, which may exist; what is in it is counted
again when mail comes.`,
  exits: { 0: "made", 1: "not made: the message says why" },
  examples: [
    { command: "maildirmake Maildir", help: "make a maildir" },
    { command: "maildirmake -f Sent Maildir", help: "make a folder in it" },
    { command: "maildirmake -q 50000000S Maildir", help: "set its quota" },
  ],
  seeAlso: ["deliverquota(8)"],
  source: ["[man maildirmake.1]"],
  async run(proc) {
    const { quota, folder, shared, owner } = proc.options;
    const maildir = proc.args[0]!.replace(/\/+$/, "");
    const mode = shared ? 0o755 : 0o700;
    if (folder !== undefined) {
      await makeFolder(maildir, folder, mode);
      await giveTo(owner, folderPath(maildir, folder));
    } else if (quota === undefined || !pathExists(maildir)) {
      if (pathExists(maildir)) throw new Permanent(`${maildir} exists already`);
      await createMaildir(realDisk, maildir);
      for (const name of ["", "/tmp", "/new", "/cur"]) await realDisk.chmod(`${maildir}${name}`, mode);
      await giveTo(owner, maildir);
    }
    if (quota !== undefined) await setQuota(maildir, quota);
  },
});

function folderPath(maildir: string, folder: string): string {
  return `${maildir}/.${encodeMutf7(folder)}`;
}

async function makeFolder(maildir: string, folder: string, mode: number): Promise<void> {
  if (
    folder === "" || folder.startsWith(".") || folder.endsWith(".") || folder.includes("/") || folder.includes("..")
  ) {
    throw new Usage(`${folder} is not the name of a folder: it must have no slash and no empty level`);
  }
  if (!pathExists(`${maildir}/cur`)) throw new Permanent(`${maildir} is not a maildir`);
  const path = folderPath(maildir, folder);
  if (pathExists(path)) throw new Permanent(`folder ${folder} exists already in ${maildir}`);
  await createMaildir(realDisk, path);
  for (const name of ["", "/tmp", "/new", "/cur"]) await realDisk.chmod(`${path}${name}`, mode);
  const mark = await realDisk.open(`${path}/maildirfolder`, { write: true, create: true, mode: 0o600 });
  mark.close();
}

async function setQuota(maildir: string, text: string): Promise<void> {
  const quota = tryQuota(text);
  if (!quota) throw new Usage(`${text} is not a quota: write it as 10000000S,1000C`);
  if (!pathExists(`${maildir}/cur`)) throw new Permanent(`${maildir} is not a maildir`);
  const temporary = `${maildir}/tmp/maildirsize.${Deno.pid}`;
  const file = await realDisk.open(temporary, { write: true, create: true, truncate: true, mode: 0o640 });
  await file.append(new TextEncoder().encode(`${formatQuota(quota)}\n`));
  await file.sync();
  file.close();
  await realDisk.rename(temporary, `${maildir}/maildirsize`);
}

async function giveTo(owner: string | undefined, path: string): Promise<void> {
  if (owner === undefined) return;
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(owner) ?? [];
  if (uid === undefined) throw new Usage(`${owner} must be two numbers: user:group`);
  for (const name of ["", "/tmp", "/new", "/cur"]) await realDisk.chown(`${path}${name}`, Number(uid), Number(gid));
}
