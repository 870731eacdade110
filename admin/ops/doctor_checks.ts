/**
 * What indimail doctor says of an installation's files: control files that no program could read, the database of the
 * accounts, the queue's folder. Each finding names the file or host, and what to do.
 */
import { errorText, Temporary } from "../../core/errors.ts";
import { freeBytes } from "../../core/libc/files.ts";
import { pathExists } from "../../core/path_exists.ts";
import type { GetEnv, Paths } from "../../core/paths.ts";
import { openDatabase } from "../../storage/accounts/open_database.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { KNOWN_CONTROLS } from "../../storage/control/known_table.ts";

/** One line of the report. */
export interface Finding {
  readonly subject: string;
  readonly verdict: "ok" | "missing" | "wrong";
  readonly text: string;
}

/** Free disk below which the queue soon refuses mail. */
const FREE_BYTES_LOW = 256 * 1024 * 1024;
/** Longest wait for a database: who runs doctor sits in front of it. */
const DATABASE_TIMEOUT_MS = 5000;
/** Bits of a file's mode that let anybody but its owner read it. */
const READ_BY_OTHERS = 0o044;
/** A default that is a number, perhaps with a word about it: what the file must have as well. */
const NUMBER_DEFAULT = /^\d+(?: \(.*)?$/;

/** Control files whose first line is a number. */
const NUMBERS: ReadonlySet<string> = new Set(
  KNOWN_CONTROLS.filter((known) => NUMBER_DEFAULT.test(known.default)).map(({ name }) => name),
);
const KNOWN: ReadonlySet<string> = new Set(KNOWN_CONTROLS.map(({ name }) => name));

/** The finding of a test that throws when something is wrong. */
export function check(subject: string, test: () => Omit<Finding, "subject">): Finding {
  try {
    return { subject, ...test() };
  } catch (error) {
    return { subject, ...refused(error) };
  }
}

/** What is to be said of an error: a file that this user may not read says nothing about the installation. */
function refused(error: unknown): Omit<Finding, "subject"> {
  const denied = error instanceof Deno.errors.PermissionDenied || /permission denied/i.test(errorText(error));
  if (!denied || Deno.uid() === 0) return { verdict: "wrong", text: errorText(error) };
  return { verdict: "missing", text: `not checked: ${errorText(error)}; run doctor as root or as the server's user` };
}

/** The control file that names this host, without which nothing works. */
export function hostNameFinding(paths: Paths): Finding {
  return check("control/me", () => ({ verdict: "ok", text: new ControlFiles(paths.control).me() }));
}

/** What is wrong with control files: nothing to say of good ones. `accounts`: the roles run as accounts of their own. */
export function controlFindings(paths: Paths, accounts: boolean): Finding[] {
  const folder = check(
    "control files",
    () => ({ verdict: "ok", text: String([...Deno.readDirSync(paths.control)].length) }),
  );
  if (folder.verdict !== "ok") {
    return pathExists(paths.control)
      ? [folder]
      : [{ ...folder, text: `there is no folder ${paths.control}: indimail serve makes it (or check INDIMAIL_ROOT)` }];
  }
  const control = new ControlFiles(paths.control);
  return [...Deno.readDirSync(paths.control)].map(({ name }) => name).filter((name) => KNOWN.has(name)).sort()
    .map((name) => check(`control/${name}`, () => controlVerdict(control, name, accounts)))
    .filter(({ verdict }) => verdict !== "ok");
}

function controlVerdict(control: ControlFiles, name: string, accounts: boolean): Omit<Finding, "subject"> {
  const path = `${control.directory}/${name}`;
  const found = Deno.statSync(path);
  if (found.isDirectory) return { verdict: "wrong", text: `${path} is a folder: a file of that name is read` };
  if (accounts && found.uid === 0 && ((found.mode ?? 0) & READ_BY_OTHERS) === 0) {
    const text = `${path} is for root alone, and the server's accounts cannot read it: chown indimail, or chmod 644`;
    return { verdict: "wrong", text };
  }
  if (NUMBERS.has(name)) control.number(name, 0);
  else control.text(name);
  return { verdict: "ok", text: path };
}

/** Whether the accounts' database answers. */
export async function databaseFinding(paths: Paths, env: GetEnv): Promise<Finding> {
  const subject = "database";
  try {
    const control = new ControlFiles(paths.control);
    // asked of the system, as the embedded database says of a file that may not be written no more than that it cannot open
    if (!namesMysql(paths) && pathExists(paths.database)) {
      Deno.openSync(paths.database, { read: true, write: true }).close();
    }
    const database = await openDatabase({ paths, control, env, timeoutMs: DATABASE_TIMEOUT_MS });
    try {
      if (database.kind === "sqlite") {
        await database.query("SELECT count(*) AS tables FROM sqlite_master");
        return { subject, verdict: "ok", text: paths.database };
      }
      await database.query("SELECT 1 AS one");
      return { subject, verdict: "ok", text: `${database.kind}, as ${control.directory}/host.mysql has it` };
    } finally {
      await database.close();
    }
  } catch (error) {
    const finding = refused(error);
    const named = error instanceof Temporary && namesMysql(paths) ? ` (${paths.control}/host.mysql)` : "";
    return { subject, ...finding, text: `${finding.text}${named}` };
  }
}

function namesMysql(paths: Paths): boolean {
  try {
    return pathExists(`${paths.control}/host.mysql`);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** Whether there is room for the queue. */
export function diskFinding(paths: Paths): Finding {
  return check("disk", () => {
    if (!pathExists(paths.queueBase)) {
      return { verdict: "wrong", text: `there is no queue ${paths.queueBase}: indimail serve makes it` };
    }
    const bytes = freeBytes(paths.queueBase);
    const text = `${Math.floor(bytes / 1_048_576)} MB free for ${paths.queueBase}`;
    if (bytes >= FREE_BYTES_LOW) return { verdict: "ok", text };
    return { verdict: "wrong", text: `${text}: mail is refused for now when it is full; make room` };
  });
}
