/**
 * Two lists of crc -v compared: what was added, deleted, replaced, damaged, and who owns or may do something else now.
 */
import type { ListLine } from "./list_line.ts";

/** Kinds of change in the order of the summary, with their names there. */
export const CHANGES = {
  added: "added",
  deleted: "deleted",
  replaced: "replaced",
  corrupt: "corrupted",
  permiss: "permission  changes",
  "own/grp": "owner/group changes",
} as const;

/** A kind of change. */
export type Change = keyof typeof CHANGES;

/** What a comparison is told, in the order of the lists. */
export interface Report {
  /** A change; `lines` are those to be shown, with < for the old and > for the new where both are. */
  change(kind: Change, lines: readonly { readonly mark: "" | "<" | ">"; readonly line: ListLine }[]): void;
  /** A change that needs attention: of a set-uid or set-gid file (1), of a file of the critical list (2). */
  warning(level: 1 | 2, mark: "<" | ">", line: ListLine): void;
}

/** What is compared and how. */
export interface Comparison {
  readonly before: ReadonlyMap<string, ListLine>;
  readonly after: ReadonlyMap<string, ListLine>;
  /** A checksum that changed without the date means nothing. */
  readonly ignoreCorrupt: boolean;
  /** Checksum and date of folders mean nothing. */
  readonly ignoreFolders: boolean;
  isCritical(path: string): boolean;
}

function isSetId(line: ListLine): boolean {
  return line.mode[3] === "s" || line.mode[6] === "s";
}

function compareContent(
  old: ListLine,
  now: ListLine,
  to: { readonly comparison: Comparison; readonly report: Report },
) {
  const { comparison, report } = to;
  const folders = old.mode.startsWith("d") && now.mode.startsWith("d");
  if (old.checksum === now.checksum || (comparison.ignoreFolders && folders)) return;
  if (old.date !== now.date) report.change("replaced", [{ mark: "<", line: old }, { mark: ">", line: now }]);
  else if (!comparison.ignoreCorrupt) report.change("corrupt", [{ mark: "", line: now }]);
  else return;
  if (comparison.isCritical(now.path)) report.warning(2, ">", now);
}

function compareRights(old: ListLine, now: ListLine, report: Report): void {
  const both = [{ mark: "<", line: old }, { mark: ">", line: now }] as const;
  const kinds: Change[] = [];
  if (old.mode !== now.mode) kinds.push("permiss");
  if (old.owner !== now.owner || old.group !== now.group) kinds.push("own/grp");
  for (const kind of kinds) {
    report.change(kind, both);
    for (const { mark, line } of both) if (isSetId(line)) report.warning(1, mark, line);
  }
}

/** Compares: first every old line, then the new ones that have no old. */
export function compareLists(comparison: Comparison, report: Report): void {
  for (const old of comparison.before.values()) {
    const now = comparison.after.get(old.path);
    if (now) {
      compareContent(old, now, { comparison, report });
      compareRights(old, now, report);
      continue;
    }
    report.change("deleted", [{ mark: "", line: old }]);
    if (comparison.isCritical(old.path)) report.warning(2, "<", old);
  }
  for (const now of comparison.after.values()) {
    if (comparison.before.has(now.path)) continue;
    report.change("added", [{ mark: "", line: now }]);
    if (comparison.isCritical(now.path)) report.warning(2, ">", now);
  }
}
