/**
 * Domains whose mail waits in a Maildir until their own host fetches it by ETRN or AUTOTURN: mail goes to the local user
 * autoturn [spec formats 7] [man vadddomain.9].
 */
import { Permanent } from "../../core/errors.ts";
import { createMaildir } from "../maildir/deliver.ts";
import type { Command } from "./command.ts";
import { removeTree } from "./domain_store.ts";
import { addLine, removeLines, writeLineFile } from "./line_file.ts";

/** The local user that such mail goes to. */
export const AUTOTURN_USER = "autoturn";

/** A domain that fetches its mail. */
export interface AutoturnDomain {
  readonly domain: string;
  readonly uid: number;
  readonly gid: number;
  /** Address of its host for AUTOTURN; undefined: ETRN by name. */
  readonly ipAddress: string | undefined;
}

function baseOf(command: Command): string {
  return `${command.paths.domains}/${AUTOTURN_USER}`;
}

/** Adds such a domain; repeating it is safe. Throws Permanent when the address is none. */
export async function addAutoturnDomain(command: Command, added: AutoturnDomain): Promise<void> {
  const { domain, uid, gid, ipAddress } = added;
  if (ipAddress !== undefined && !/^[0-9a-fA-F.:]+$/.test(ipAddress)) {
    throw new Permanent(`${ipAddress} is no IP address`);
  }
  const place = ipAddress ?? domain;
  const { disk, paths, domains } = command;
  const base = baseOf(command);
  await domains.locked(async () => {
    await createMaildir(disk, `${base}/${place}/Maildir`);
    await writeLineFile(disk, `${base}/.qmail-${place.replaceAll(".", ":")}-default`, [`./${place}/Maildir/`]);
    if (Deno.uid() === 0) {
      for (const path of ["", `/${place}`, ...["", "/cur", "/new", "/tmp"].map((name) => `/${place}/Maildir${name}`)]) {
        await disk.chown(`${base}${path}`, uid, gid);
      }
    }
    const line = {
      kind: "prefix",
      local: `${AUTOTURN_USER}-`,
      user: AUTOTURN_USER,
      home: base,
      dash: "-",
      ext: "",
    } as const;
    await domains.assign({ ...line, uid, gid });
    await addLine(disk, `${paths.control}/virtualdomains`, `${domain}:${AUTOTURN_USER}-${place}`);
    await addLine(disk, `${paths.control}/etrnhosts`, domain);
    await addLine(disk, `${paths.control}/rcpthosts`, domain);
  });
  await command.reload();
}

/** Removes such a domain with the mail that waits for it; false when there is none. */
export async function removeAutoturnDomain(command: Command, domain: string): Promise<boolean> {
  const { disk, paths, domains } = command;
  const base = baseOf(command);
  const removed = await domains.locked(async () => {
    const prefix = `${domain}:${AUTOTURN_USER}-`;
    await removeLines(disk, `${paths.control}/rcpthosts`, (line) => line === domain);
    await removeLines(disk, `${paths.control}/etrnhosts`, (line) => line === domain);
    let place: string | undefined;
    await removeLines(disk, `${paths.control}/virtualdomains`, (line) => {
      if (line.startsWith(prefix)) place = line.slice(prefix.length);
      return line.startsWith(prefix);
    });
    if (place === undefined || place === "" || place.includes("/") || place.startsWith(".")) return false;
    await removeTree(disk, `${base}/${place}`);
    await removeTree(disk, `${base}/.qmail-${place.replaceAll(".", ":")}-default`);
    return true;
  });
  await command.reload();
  return removed;
}
