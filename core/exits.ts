/**
 * Exit dialects: what the exit codes of a family of programs mean. The only place with literal exit numbers, but for
 * tables that a manual page defines as a whole (qmail-queue's, in mail/queue_exits.ts).
 */

/** Codes that core/main.ts uses for the ways a program can end. */
export interface ExitDialect {
  readonly ok: number;
  readonly usage: number;
  readonly temporary: number;
  readonly permanent: number;
  readonly denied: number;
  /** Anything unforeseen: always one that makes the caller try again. */
  readonly surprise: number;
}

/** The dialects by name; an applet names one. */
export const EXIT_DIALECTS = {
  /** Delivery programs and filters [man qmail-command.8]. */
  qmail: { ok: 0, usage: 100, temporary: 111, permanent: 100, denied: 100, surprise: 111 },
  /** Delivery programs whose wrong call is put right before the mail goes on: it waits, and is not refused. */
  responder: { ok: 0, usage: 111, temporary: 111, permanent: 100, denied: 111, surprise: 111 },
  /** Programs that answer a request for a notice [man qnotify.9] [man rrt.9]. */
  notice: { ok: 0, usage: 7, temporary: 111, permanent: 100, denied: 111, surprise: 111 },
  /** qmail-queue and what stands in for it [man qmail-queue.8]. */
  queue: { ok: 0, usage: 81, temporary: 71, permanent: 31, denied: 31, surprise: 81 },
  /** Password checkers. */
  checkpassword: { ok: 0, usage: 2, temporary: 111, permanent: 1, denied: 1, surprise: 111 },
  /** Programs that pam_exec runs: results of PAM, service error for a wrong call, no information for trouble [man pam.3]. */
  pam: { ok: 0, usage: 3, temporary: 9, permanent: 3, denied: 7, surprise: 4 },
  /** Commands of an operator [man vadduser.9]. */
  admin: { ok: 0, usage: 1, temporary: 1, permanent: 1, denied: 1, surprise: 1 },
  /** Programs of the Unix tool box that exec another [man envdir.8]. */
  chain: { ok: 0, usage: 100, temporary: 111, permanent: 100, denied: 111, surprise: 111 },
  /** Daemons: a supervisor starts them again. */
  daemon: { ok: 0, usage: 100, temporary: 111, permanent: 100, denied: 100, surprise: 111 },
} as const satisfies Record<string, ExitDialect>;

/** The name of an exit dialect. */
export type ExitDialectName = keyof typeof EXIT_DIALECTS;
