/**
 * Domains whose mail waits in a Maildir until their own host fetches it by ETRN or AUTOTURN: mail goes to the local user
 * autoturn [spec formats 7] [man vadddomain.9].
 */
import { Permanent } from "../../core/errors.ts";
import { tryParseIp } from "../../core/ip_address.ts";
import { createMaildir } from "../maildir/deliver.ts";
import type { Command } from "./command.ts";
import { removeTree } from "./domain_store.ts";
import { addLine, readLineFile, removeLines, writeLineFile } from "./line_file.ts";

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
  if (ipAddress !== undefined && !tryParseIp(ipAddress)) {
    throw new Permanent(`-T ${JSON.stringify(ipAddress)}: no IP address`);
  }
  const place = ipAddress ?? domain;
  const { disk, paths, domains } = command;
  const base = baseOf(command);
  await domains.locked(async () => {
    if (await domains.find(domain)) throw new Permanent(`domain ${domain} exists already`);
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

/**
 * Removes such a domain with the mail that waits for it, unless another domain's mail waits at the same place; false when
 * there is none. Its line in virtualdomains, by which it is found, goes last.
 */
export async function removeAutoturnDomain(command: Command, domain: string): Promise<boolean> {
  const { disk, paths, domains } = command;
  const base = baseOf(command);
  const removed = await domains.locked(async () => {
    const path = `${paths.control}/virtualdomains`;
    const marks = (await readLineFile(disk, path) ?? []).map((line) => line.split(`:${AUTOTURN_USER}-`));
    const place = marks.find(([name]) => name === domain)?.[1];
    if (place === undefined || place === "" || place.includes("/") || place.startsWith(".")) return false;
    await removeLines(disk, `${paths.control}/rcpthosts`, (line) => line === domain);
    await removeLines(disk, `${paths.control}/etrnhosts`, (line) => line === domain);
    if (!marks.some(([name, other]) => other === place && name !== domain)) {
      await removeTree(disk, `${base}/.qmail-${place.replaceAll(".", ":")}-default`);
      await removeTree(disk, `${base}/${place}`);
    }
    await command.accounts.atrn.removeListed(domain);
    await removeLines(disk, path, (line) => line === `${domain}:${AUTOTURN_USER}-${place}`);
    return true;
  });
  if (removed) await command.reload();
  return removed;
}
