/** Folders of services as minisvc makes, hides and shows them. */
import { Permanent, Usage } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { sendLetters } from "../supervision/letters.ts";
import { findRunFolder, stateFolderOf } from "../supervision/places.ts";
import { VariableFiles } from "./variable_files.ts";

/** Note that a service is not to be made anew. */
const NO_REFRESH = ".norefreshsvc";
/** How a service was made. */
const OPTIONS = ".options";
const EXECUTABLE = 0o755;
const PATH = "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin:/usr/local/sbin";
const SCAN_SECONDS = 300;
/** Control files that may hold passwords or keys; what others may not read is hidden as well. */
const HIDDEN_FILES: ReadonlySet<string> = new Set([
  "batvkey",
  "host.cntrl",
  "host.master",
  "host.mysql",
  "oauthclient",
  "oauthintrospection",
  "smtproutes",
  "srs_secrets",
]);
const OTHERS_READ = 0o004;
const CONTROL_BYTES_MAX = 64 * 1024;

/** What a service is made of. */
export interface ServiceDesign {
  readonly folder: string;
  readonly name: string;
  /** Shell command of its run. */
  readonly command: string;
  readonly logFolder: string;
  /** Who writes the log; undefined: who runs svscan. */
  readonly logAccount: string | undefined;
  readonly isDown: boolean;
  readonly force: boolean;
  /** The options that made it. */
  readonly made: readonly string[];
}

function script(lines: readonly string[], made: readonly string[]): string {
  return ["#!/bin/sh", `# made by minisvc ${made.map((word) => JSON.stringify(word)).join(" ")}`, ...lines, ""].join(
    "\n",
  );
}

/** Writes an executable script for sh. */
export function writeScript(path: string, lines: readonly string[], made: readonly string[]): void {
  Deno.writeTextFileSync(path, script(lines, made), { mode: EXECUTABLE });
  Deno.chmodSync(path, EXECUTABLE);
}

/** A word for the shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function writeLogScript(
  path: string,
  design: Pick<ServiceDesign, "logFolder" | "logAccount" | "made">,
  name: string,
): void {
  const account = design.logAccount === undefined ? "" : `setuidgid ${quoted(design.logAccount)} `;
  writeScript(path, [`exec ${account}multilog t ${quoted(`${design.logFolder}/${name}`)}`], design.made);
}

/** Makes a service with its log, first beside the others under a name that svscan leaves out. */
export function makeService(design: ServiceDesign): string {
  if (!/^[^./][^/]*$/.test(design.name)) throw new Usage(`${design.name} is no name of a service`);
  const path = `${design.folder}/${design.name}`;
  if (pathExists(path) && !design.force) throw new Permanent(`${path} is there already: --force makes it anew`);
  const work = pathExists(path) ? path : `${design.folder}/.new.${design.name}`;
  Deno.mkdirSync(`${work}/log`, { recursive: true });
  const variables = new VariableFiles(`${work}/variables`);
  Deno.mkdirSync(variables.folder, { recursive: true, mode: 0o700 });
  variables.write(["PATH", PATH]);
  Deno.writeTextFileSync(`${variables.folder}/${OPTIONS}`, `${design.made.map(quoted).join(" ")}\n`);
  writeScript(`${work}/run`, ["exec 2>&1", `exec ${design.command}`], design.made);
  writeLogScript(`${work}/log/run`, design, design.name);
  if (design.isDown) Deno.writeTextFileSync(`${work}/down`, "");
  if (work !== path) Deno.renameSync(work, path);
  return path;
}

/** Makes .svscan: variables, log and shutdown of svscan itself. */
export function makeSvscanFolder(
  design: Pick<ServiceDesign, "folder" | "logFolder" | "logAccount" | "made"> & {
    readonly initCommand: string | undefined;
    readonly scanSeconds: number | undefined;
    readonly unshare: boolean;
  },
): string {
  const path = `${design.folder}/.svscan`;
  Deno.mkdirSync(`${path}/log`, { recursive: true });
  const variables = new VariableFiles(`${path}/variables`);
  const values = [
    ["PATH", PATH],
    ["AUTOSCAN", "1"],
    ["SCANINTERVAL", String(design.scanSeconds ?? SCAN_SECONDS)],
  ] as const;
  for (const variable of values) variables.write(variable);
  if (design.unshare) variables.write(["UNSHARE", "1"]);
  // set, with nothing in it: a line that is empty, unlike a file that is empty
  Deno.writeTextFileSync(`${variables.folder}/SCANLOG`, "\n", { mode: 0o600 });
  Deno.writeTextFileSync(`${variables.folder}/INITCMD`, `${design.initCommand ?? ""}\n`, { mode: 0o600 });
  Deno.writeTextFileSync(`${variables.folder}/${OPTIONS}`, `${design.made.map(quoted).join(" ")}\n`);
  writeLogScript(`${path}/log/run`, design, "svscan");
  return path;
}

function split(path: string): readonly [folder: string, name: string] {
  const clean = path.replace(/\/+$/, "");
  return [clean.slice(0, Math.max(clean.lastIndexOf("/"), 0)) || ".", clean.slice(clean.lastIndexOf("/") + 1)];
}

function renameService(path: string, name: string): string {
  const [folder, old] = split(path);
  const target = `${folder}/${name}`;
  if (pathExists(target)) throw new Permanent(`${target} is there already`);
  Deno.renameSync(path, target);
  const run = findRunFolder();
  if (run !== undefined && pathExists(`${run}/${old}`) && !pathExists(`${run}/${name}`)) {
    Deno.renameSync(`${run}/${old}`, `${run}/${name}`);
  }
  return target;
}

/** Hides a service from svscan by a dot before its name, and stops it. */
export function hideService(path: string): string {
  if (!pathExists(path)) throw new Permanent(`${path}: there is no such service`);
  const [, name] = split(path);
  if (name.startsWith(".")) throw new Permanent(`${path} is disabled already`);
  const hidden = renameService(path, `.${name}`);
  for (const service of [hidden, `${hidden}/log`]) {
    if (pathExists(service)) sendLetters(`${stateFolderOf(service)}/control`, "dx");
  }
  return hidden;
}

/** The reverse; svscan starts it when it looks again. */
export function showService(path: string): string {
  const [folder, name] = split(path);
  const hidden = name.startsWith(".") ? path : `${folder}/.${name}`;
  if (!pathExists(hidden)) throw new Permanent(`${path} is not disabled`);
  return renameService(hidden, name.replace(/^\./, ""));
}

/** Services of a folder with the options that made them. */
export function madeServices(folder: string): { readonly path: string; readonly options: string }[] {
  return [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1).flatMap(({ name }) => {
    const service = tryMadeService(`${folder}/${name}`);
    return service ? [service] : [];
  });
}

/** A service with the options that made it; undefined when it was not made by minisvc. */
export function tryMadeService(path: string): { readonly path: string; readonly options: string } | undefined {
  const file = `${path}/variables/${OPTIONS}`;
  return pathExists(file) ? { path, options: Deno.readTextFileSync(file).trim() } : undefined;
}

/** True when the service is not to be made anew. */
export function isKept(path: string): boolean {
  return pathExists(`${path}/variables/${NO_REFRESH}`);
}

/** Says whether it may be made anew. */
export function setRefresh(path: string, refresh: "on" | "off"): void {
  const file = `${path}/variables/${NO_REFRESH}`;
  if (!pathExists(`${path}/variables/${OPTIONS}`)) throw new Permanent(`${path} was not made by minisvc`);
  if (refresh === "off") Deno.writeTextFileSync(file, "");
  else if (pathExists(file)) Deno.removeSync(file);
}

/** Scripts and variables of all services, as text. */
export function dumpServices(folder: string): string {
  const names = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
  const parts = names.map((name, at) => {
    const files = ["run", "log/run", "shutdown", "alert", "init"].filter((file) =>
      pathExists(`${folder}/${name}/${file}`)
    );
    const texts = files.map((file) => `${name}/${file}:\n${Deno.readTextFileSync(`${folder}/${name}/${file}`)}\n`);
    const variables = pathExists(`${folder}/${name}/variables`)
      ? new VariableFiles(`${folder}/${name}/variables`).all().map(([key, value]) => `${key}=${value ?? ""}\n`).join("")
      : "";
    const listed = variables === "" ? "" : `${name}/variables:\n${variables}\n`;
    return `Service ${String(at + 1).padStart(5, "0")} ${name}\n${texts.join("")}${listed}`;
  });
  return `Service Directory ${folder}\n${parts.join("")}`;
}

/** The control files of a folder, as text; those that may hold secrets are only named. */
export function dumpControlFiles(folder: string): string {
  if (!pathExists(folder)) return `Control Files ${folder}: there is no such folder\n`;
  const files = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) => name).sort();
  const texts = files.map((name) => {
    const path = `${folder}/${name}`;
    const { mode, size } = Deno.statSync(path);
    const isOpen = !HIDDEN_FILES.has(name) && ((mode ?? 0) & OTHERS_READ) !== 0 && size <= CONTROL_BYTES_MAX;
    return isOpen ? `${name}:\n${Deno.readTextFileSync(path)}\n` : `${name}: not shown\n`;
  });
  return `Control Files ${folder}\n${texts.join("")}`;
}
