/**
 * users/assign: which local addresses belong to which user and folder. Parsed and formatted line by line; every error
 * names the line [man qmail-users.9] [spec formats 7].
 */
import { Permanent } from "../../core/errors.ts";

/** One line of users/assign. */
export interface Assignment {
  /** `exact` is a `=` line, `prefix` a `+` line. */
  readonly kind: "exact" | "prefix";
  /** The local part, or its beginning. */
  readonly local: string;
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly dash: string;
  /** What the extension begins with. */
  readonly ext: string;
}

/** Lines above which a file is refused. */
const LINES_MAX = 5_000_000;

/** All assignments of a file's text. Throws Permanent naming file and line. */
export function parseAssign(text: string, file: string): Assignment[] {
  const assignments: Assignment[] = [];
  let lineNumber = 0;
  for (const line of text.split("\n")) {
    lineNumber++;
    if (lineNumber > LINES_MAX) throw new Permanent(`${file}: more than ${LINES_MAX} lines`);
    if (line.startsWith(".")) return assignments;
    assignments.push(parseLine(line, `${file} line ${lineNumber}`));
  }
  throw new Permanent(`${file}: the last line must be a dot: the file is incomplete`);
}

function parseLine(line: string, where: string): Assignment {
  const kind = line.startsWith("=") ? "exact" : line.startsWith("+") ? "prefix" : undefined;
  if (!kind) throw new Permanent(`${where}: must begin with = or + or be a single dot`);
  const fields = line.slice(1).split(":");
  if (fields.length < 8) throw new Permanent(`${where}: needs seven fields, each ended by a colon`);
  const [local, user, uid, gid, home, dash, ext] = fields as [string, string, string, string, string, string, string];
  if (!user) throw new Permanent(`${where}: the user is empty`);
  if (!/^\d{1,10}$/.test(uid) || !/^\d{1,10}$/.test(gid)) throw new Permanent(`${where}: uid and gid must be numbers`);
  if (line.includes("\0")) throw new Permanent(`${where}: contains a NUL byte`);
  return { kind, local: local.toLowerCase(), user, uid: Number(uid), gid: Number(gid), home, dash, ext };
}

/** One line of users/assign, without line end. Throws Permanent when a field would end it too early. */
export function formatAssignment(assignment: Assignment): string {
  const { kind, local, user, uid, gid, home, dash, ext } = assignment;
  const broken = [local, user, home, dash, ext].find((field) => /[:\n\0]/.test(field));
  if (broken !== undefined) throw new Permanent(`users/assign cannot hold ${JSON.stringify(broken)}`);
  return `${kind === "exact" ? "=" : "+"}${local}:${user}:${uid}:${gid}:${home}:${dash}:${ext}:`;
}

/** A whole file, with its final dot. */
export function formatAssign(assignments: readonly Assignment[]): string {
  return assignments.map((assignment) => `${formatAssignment(assignment)}\n`).join("") + ".\n";
}

/** The line that makes a virtual domain a user of its own [spec formats 7]. */
export function domainAssignment(
  domain: string,
  owner: { readonly uid: number; readonly gid: number; readonly home: string },
): Assignment {
  return {
    kind: "prefix",
    local: `${domain}-`,
    user: domain,
    uid: owner.uid,
    gid: owner.gid,
    home: owner.home,
    dash: "-",
    ext: "",
  };
}
