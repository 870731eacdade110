/**
 * Adopts a plain qmail: control files, users/assign and ~alias are copied or their lines added where ours have none; the
 * queue and mailboxes stay. Says which accounts qmail uses and what waits in its queue.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { accountByName, accountByUid, groupName } from "../../core/libc/account.ts";
import { pathExists } from "../../core/path_exists.ts";
import { writeCdb } from "../../storage/cdb/writer.ts";
import { KNOWN_CONTROLS } from "../../storage/control/known_table.ts";
import { readLineFile, writeLineFile } from "../../storage/accounts/line_file.ts";
import { type Assignment, formatAssign, formatAssignment, parseAssign } from "../../storage/users/assign.ts";
import { SystemUsers } from "../../storage/users/passwd.ts";
import { usersCdbRecords } from "../../storage/users/users_cdb.ts";
import type { AdoptContext, Found, Step } from "./adopt_types.ts";
import { namesIn, type QmailFiles, readText } from "./qmail_files.ts";
import { vpopmailLines } from "./vpopmail_source.ts";

/** Control files that are lists: their lines are added to ours. */
const LISTS = ["locals", "rcpthosts", "morercpthosts", "virtualdomains"];
/** The original's accounts and groups. */
const ACCOUNTS = ["alias", "qmaild", "qmaill", "qmailp", "qmailq", "qmailr", "qmails"];
/** Messages of the old queue that are counted. */
const WAITING_MAX = 100_000;

/** What is there and what is to be done. */
export async function lookAtQmail(context: AdoptContext, qmail: QmailFiles): Promise<Found> {
  const facts = [`qmail in ${qmail.folder}: host ${qmail.control.line("me") ?? "without a name in control/me"}`];
  const foreign = new Set(vpopmailLines(context.options.vpopmail, qmail).map(({ local }) => local.slice(0, -1)));
  facts.push(...accountFacts(), ...queueFacts(`${qmail.folder}/queue`), ...mailboxFacts(qmail));
  const steps: Step[] = [];
  await lookAtControl(context, qmail, { foreign, facts, steps });
  await lookAtAssign(context, qmail, { foreign, facts, steps });
  await lookAtAlias(context, qmail, { facts, steps });
  return { facts, bad: [], steps };
}

function accountFacts(): string[] {
  const found = ACCOUNTS.flatMap((name) => {
    const account = accountByName(name);
    return account ? [`${name} ${account.uid}:${groupName(account.gid) ?? account.gid}`] : [];
  });
  const missing = ACCOUNTS.filter((name) => !accountByName(name));
  return [
    ...(found.length > 0 ? [`accounts used as they are: ${found.join(", ")}`] : []),
    ...(missing.length > 0 ? [`accounts that indimail serve makes: ${missing.join(" ")}`] : []),
  ];
}

function queueFacts(queue: string): string[] {
  if (!pathExists(queue)) return [];
  const { uid, gid, mode } = Deno.statSync(queue);
  const owner = `${accountByUid(uid ?? 0)?.name ?? uid}:${groupName(gid ?? 0) ?? gid}`;
  let waiting = 0;
  for (const split of namesIn(`${queue}/mess`)) {
    waiting += namesIn(`${queue}/mess/${split}`).length;
    if (waiting > WAITING_MAX) break;
  }
  const facts = [`queue ${queue}: ${owner}, mode ${((mode ?? 0) & 0o7777).toString(8)}, ${waiting} messages wait`];
  if (waiting > 0) facts.push("the queue is not moved: let the old qmail-send run until it is empty");
  return facts;
}

function mailboxFacts(qmail: QmailFiles): string[] {
  let users = 0;
  for (const { home, uid } of new SystemUsers().entries().values()) {
    if (uid !== 0 && pathExists(`${home}/Maildir/cur`)) users++;
  }
  const delivery = qmail.control.line("defaultdelivery");
  return [
    `${users} users of /etc/passwd have a Maildir; they stay users of the host`,
    ...(delivery === undefined ? [] : [`mail without a .qmail file goes to ${delivery}`]),
  ];
}

/** Where findings go. */
interface Gathered {
  readonly facts: string[];
  readonly steps: Step[];
}

async function lookAtControl(
  { command }: AdoptContext,
  qmail: QmailFiles,
  gathered: Gathered & { readonly foreign: ReadonlySet<string> },
): Promise<void> {
  const { disk, paths } = command;
  const { facts, steps, foreign } = gathered;
  const known = new Set(KNOWN_CONTROLS.map(({ name }) => name));
  const names = namesIn(qmail.control.directory).filter((name) =>
    Deno.statSync(`${qmail.control.directory}/${name}`).isFile
  );
  const ignored = names.filter((name) => !known.has(name) && !name.endsWith(".cdb"));
  if (ignored.length > 0) facts.push(`control files that mean nothing here: ${ignored.join(" ")}`);
  for (const name of names.filter((name) => known.has(name))) {
    const [from, to] = [`${qmail.control.directory}/${name}`, `${paths.control}/${name}`];
    const theirs = readText(from).split("\n").filter((line) => !isForeign(name, line, foreign));
    if (theirs.at(-1) === "") theirs.pop();
    const ours = await readLineFile(disk, to);
    if (ours && !LISTS.includes(name)) {
      if (ours.join("\n").trim() !== theirs.join("\n").trim()) {
        facts.push(`${to} differs from ${from}, and stays as it is`);
      }
      continue;
    }
    const missing = theirs.filter((line) => !ours?.includes(line) && (!ours || line.trim() !== ""));
    if (missing.length === 0) continue;
    steps.push({
      text: ours ? `add to control/${name}: ${shortList(missing)}` : `make control/${name} as ${from}`,
      async run() {
        await disk.mkdir(paths.control, { recursive: true });
        const lines = [...await readLineFile(disk, to) ?? [], ...missing];
        if (name === "morercpthosts") await writeMoreHosts(disk, to, lines);
        else await writeLineFile(disk, to, lines);
        return `control/${name}: ${missing.length} lines`;
      },
    });
  }
}

function isForeign(name: string, line: string, foreign: ReadonlySet<string>): boolean {
  const domain = (name === "virtualdomains" ? line.split(":")[0] ?? "" : line).trim().toLowerCase();
  return LISTS.includes(name) && foreign.has(domain);
}

async function writeMoreHosts(
  disk: AdoptContext["command"]["disk"],
  path: string,
  lines: readonly string[],
): Promise<void> {
  const hosts = new Set(
    lines.map((line) => line.trim().toLowerCase()).filter((line) => line !== "" && !line.startsWith("#")),
  );
  await writeCdb(disk, `${path}.cdb`, [...hosts].map((host) => [latin1Bytes(host), new Uint8Array(0)] as const));
  await writeLineFile(disk, path, lines);
}

const SHOWN_MAX = 5;

function shortList(lines: readonly string[]): string {
  const more = lines.length - SHOWN_MAX;
  return lines.slice(0, SHOWN_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

async function lookAtAssign(
  { command }: AdoptContext,
  qmail: QmailFiles,
  { foreign, facts, steps }: Gathered & { readonly foreign: ReadonlySet<string> },
): Promise<void> {
  const { disk, paths } = command;
  const path = `${paths.users}/assign`;
  const read = async (): Promise<Assignment[]> => {
    const lines = await readLineFile(disk, path);
    return lines ? parseAssign(`${lines.join("\n")}\n`, path) : [];
  };
  const keyOf = ({ kind, local }: Assignment) => `${kind} ${local}`;
  const ours = new Map((await read()).map((line) => [keyOf(line), line]));
  const theirs = qmail.assignments.filter(({ local }) => !foreign.has(local.replace(/-$/, "")));
  for (const line of theirs) {
    const here = ours.get(keyOf(line));
    if (here && formatAssignment(here) !== formatAssignment(line)) {
      facts.push(`users/assign has ${formatAssignment(here)} here and keeps it, not ${formatAssignment(line)}`);
    }
  }
  const missing = theirs.filter((line) => !ours.has(keyOf(line)));
  if (missing.length === 0) return;
  steps.push({
    text: `add to users/assign: ${shortList(missing.map(formatAssignment))}`,
    async run() {
      const all = [...await read(), ...missing];
      await disk.mkdir(paths.users, { recursive: true });
      await writeCdb(disk, `${paths.users}/cdb`, usersCdbRecords(all));
      await writeLineFile(disk, path, formatAssign(all).split("\n").slice(0, -1));
      return `users/assign: ${missing.length} lines`;
    },
  });
}

async function lookAtAlias({ command }: AdoptContext, qmail: QmailFiles, { facts, steps }: Gathered): Promise<void> {
  const { disk, paths } = command;
  const folder = `${qmail.folder}/alias`;
  const missing: string[] = [];
  for (const name of namesIn(folder).filter((name) => name.startsWith(".qmail-"))) {
    const text = readText(`${folder}/${name}`);
    const ours = (await readLineFile(disk, `${paths.alias}/${name}`))?.join("\n");
    if (ours === undefined) missing.push(name);
    else if (ours.trim() !== text.trim()) {
      facts.push(`${paths.alias}/${name} differs from ${folder}/${name}, and stays as it is`);
    }
    if (/^\.\//m.test(text)) {
      facts.push(`${folder}/${name} delivers below ${folder}: from now on that is below ${paths.alias}`);
    }
  }
  if (missing.length === 0) return;
  steps.push({
    text: `copy from ${folder}: ${shortList(missing)}`,
    async run() {
      await disk.mkdir(paths.alias, { recursive: true });
      for (const name of missing) {
        const lines = readText(`${folder}/${name}`).split("\n");
        if (lines.at(-1) === "") lines.pop();
        await writeLineFile(disk, `${paths.alias}/${name}`, lines);
      }
      return `alias: ${missing.length} files`;
    },
  });
}
