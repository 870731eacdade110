/** What exit codes of a program mean for a delivery: the table of qmail-command(8) [man qmail-command.8]. */

/** Codes that programs of .qmail lines end with. */
export const COMMAND_EXIT = {
  /** Go on with the next line. */
  done: 0,
  /** Done; the next lines are skipped. */
  stop: 99,
  permanent: 100,
  temporary: 111,
} as const;

/** Codes of other programs that refuse a message for good. */
const PERMANENT_CODES: ReadonlySet<number> = new Set([100, 64, 65, 70, 76, 77, 78, 112]);

/** What the code of a program that a message was given to says, where 99 has no meaning [man dot-forward.9]. */
export function programVerdict(code: number): "done" | "permanent" | "temporary" {
  if (code === COMMAND_EXIT.done) return "done";
  return PERMANENT_CODES.has(code) ? "permanent" : "temporary";
}
