/**
 * What the exit codes of qmail-queue mean, for everybody who submits a message: temporary or permanent, a text, and an
 * enhanced status code. The one table of them [man qmail-queue.9, spec formats 1.7].
 */

/** The codes that our own programs use, by what went wrong. */
export const QUEUE_EXIT = {
  accepted: 0,
  addressTooLong: 11,
  refused: 31,
  spam: 32,
  virus: 33,
  outOfMemory: 51,
  timeout: 52,
  /** Write error, disk full. */
  write: 53,
  read: 54,
  configuration: 55,
  changeDirectory: 61,
  message: 62,
  sync: 64,
  envelopeFile: 65,
  linkTodo: 66,
  linkMessage: 67,
  pidFile: 70,
  refusedTemporarily: 71,
  connectTimeout: 72,
  connectRefused: 73,
  communication: 74,
  cannotExecute: 75,
  envelopeFormat: 79,
  bug: 81,
  cannotStart: 82,
  custom: 88,
} as const;

/** What a code means to the one who submitted. */
export interface QueueExit {
  readonly kind: "accepted" | "temporary" | "permanent";
  /** Without code or full stop, lower case. */
  readonly text: string;
  /** Enhanced status code, `4.3.0` [rfc3463]. */
  readonly enhanced: string;
}

const TEXTS: ReadonlyMap<number, readonly [text: string, enhanced: string]> = new Map([
  [0, ["message queued", "2.0.0"]],
  [11, ["envelope address too long for the queue", "5.1.3"]],
  [31, ["mail server refuses this message for good", "5.3.0"]],
  [32, ["message looks like spam", "5.7.1"]],
  [33, ["message has a virus", "5.7.1"]],
  [34, ["message has a forbidden attachment", "5.7.1"]],
  [35, ["no private key to sign the message with", "5.3.5"]],
  [41, ["queue cannot duplicate a descriptor", "4.3.0"]],
  [50, ["queue cannot change privileges for the scanner", "4.3.0"]],
  [51, ["queue is out of memory", "4.3.0"]],
  [52, ["queue took too long", "4.3.0"]],
  [53, ["queue cannot write, disk may be full", "4.3.1"]],
  [54, ["queue cannot read message or envelope", "4.3.0"]],
  [55, ["queue cannot read its configuration", "4.3.5"]],
  [56, ["queue has a network problem", "4.4.1"]],
  [57, ["queue cannot open a plugin", "4.3.0"]],
  [58, ["queue cannot use a plugin", "4.3.0"]],
  [59, ["queue cannot close a plugin", "4.3.0"]],
  [60, ["queue cannot create a pipe", "4.3.0"]],
  [61, ["queue cannot enter its home directory", "4.3.0"]],
  [62, ["queue cannot create the message file", "4.3.0"]],
  [63, ["queue cannot enter the root directory", "4.3.0"]],
  [64, ["queue cannot sync the message to disk", "4.3.0"]],
  [65, ["queue cannot create the envelope file", "4.3.0"]],
  [66, ["queue cannot link the envelope", "4.3.0"]],
  [67, ["queue cannot link the message file", "4.3.0"]],
  [68, ["queue cannot create temporary files", "4.3.0"]],
  [69, ["queue cannot sync a directory", "4.3.0"]],
  [70, ["queue cannot create its pid file", "4.3.0"]],
  [71, ["mail server refuses this message for now", "4.3.0"]],
  [72, ["connection to the mail server timed out", "4.4.1"]],
  [73, ["connection to the mail server was refused", "4.4.1"]],
  [74, ["communication with the mail server failed", "4.4.2"]],
  [75, ["queue cannot execute a program", "4.3.0"]],
  [76, ["spam filter is in trouble", "4.3.0"]],
  [77, ["virus scanner is in trouble", "4.3.0"]],
  [78, ["queue cannot get its user or group", "4.3.0"]],
  [79, ["envelope is malformed", "4.3.0"]],
  [80, ["queue cannot remove an envelope file", "4.3.0"]],
  [81, ["internal bug of the queue", "4.3.0"]],
  [82, ["queue program cannot be executed", "4.3.0"]],
  [83, ["queue cannot remove its pid file", "4.3.0"]],
  [87, ["mail system is misconfigured", "4.3.5"]],
  [91, ["internal bug of the queue", "4.3.0"]],
  [115, ["envelope address too long for the queue", "5.1.3"]],
  [120, ["queue program cannot be executed", "4.3.0"]],
  [121, ["queue program cannot be started", "4.3.0"]],
  [122, ["queue program cannot be waited for", "4.3.0"]],
  [123, ["queue program crashed", "4.3.0"]],
]);

/** True for the codes that mean: trying again will not help. */
export function isPermanentQueueExit(code: number): boolean {
  return (code >= 11 && code <= 40) || code === 115;
}

/**
 * What `code` means. `custom` is what the program wrote for code 88: `D` or `Z` and a text, which may end in an enhanced
 * code like `(#5.7.1)`.
 */
export function describeQueueExit(code: number, custom = ""): QueueExit {
  if (code === QUEUE_EXIT.custom && (custom.startsWith("D") || custom.startsWith("Z"))) return customExit(custom);
  const kind = code === 0 ? "accepted" : isPermanentQueueExit(code) ? "permanent" : "temporary";
  const known = TEXTS.get(code);
  if (known) return { kind, text: known[0], enhanced: known[1] };
  return kind === "permanent"
    ? { kind, text: "mail server refuses this message for good", enhanced: "5.3.0" }
    : { kind, text: "queue is in temporary trouble", enhanced: "4.3.0" };
}

function customExit(custom: string): QueueExit {
  const kind = custom.startsWith("D") ? "permanent" : "temporary";
  const match = /^(.*?)\s*\(#([245]\.\d{1,3}\.\d{1,3})\)\s*$/s.exec(custom.slice(1).replaceAll(/[\r\n]+/g, " "));
  const text = (match?.[1] ?? custom.slice(1).replaceAll(/[\r\n]+/g, " ")).trim();
  return { kind, text, enhanced: match?.[2] ?? (kind === "permanent" ? "5.3.0" : "4.3.0") };
}

/** The client's form of a result: empty for success, else `D` or `Z`, text and `(#x.y.z)` [spec formats 1.7]. */
export function formatQueueExit(code: number, custom = ""): string {
  const exit = describeQueueExit(code, custom);
  if (exit.kind === "accepted") return "";
  return `${exit.kind === "permanent" ? "D" : "Z"}${exit.text} (#${exit.enhanced})`;
}
