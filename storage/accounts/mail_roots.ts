/**
 * Keeps control/mailroots: which folders outside the installation's own the roles must be let into, because a domain or
 * users' homes are there. `indimail serve` starts the roles that work there again when it is told to reread.
 */
import { MAIL_ROOTS_FILE, MAIL_ROOTS_MAX, readMailRoots } from "../../core/mail_roots.ts";
import { Permanent } from "../../core/errors.ts";
import type { Command } from "./command.ts";
import { addLine } from "./line_file.ts";

function isBelow(folder: string, parent: string): boolean {
  return folder === parent || folder.startsWith(`${parent}/`);
}

/** Adds a folder, made absolute by the caller, unless the roles are let into it already. True when it was added. */
export async function openMailRoot({ paths, disk }: Command, folder: string): Promise<boolean> {
  const known = [paths.mail, paths.domains, ...readMailRoots(paths)];
  if (known.some((parent) => isBelow(folder, parent))) return false;
  if (folder === "/" || isBelow(paths.root, folder)) {
    throw new Permanent(`${folder} holds more than mail: choose a folder of its own`);
  }
  if (known.length >= MAIL_ROOTS_MAX) throw new Permanent(`${paths.control}/${MAIL_ROOTS_FILE} is full`);
  return await addLine(disk, `${paths.control}/${MAIL_ROOTS_FILE}`, folder);
}
