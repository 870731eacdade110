/**
 * What the queue daemon reads from control files: rewriting tables, concurrency, lifetimes, the text of bounces. Read at
 * start and again at HUP, into one frozen record [man qmail-send.9, CONTROL FILES].
 */
import type { BounceSettings } from "../../mail/bounce.ts";
import { parseVirtualDomains, type RewriteTables } from "../../mail/rewrite.ts";
import type { ControlFiles } from "../../storage/control/control.ts";
import type { QueueChannel } from "../../storage/queue/store_types.ts";

/** Deliveries at once that no control file exceeds [spec formats 2, compiled limit]. */
const CONCURRENCY_MAX = 65_000;
const WEEK_SECONDS = 604_800;
const BOUNCE_BYTES = 50_000;

/** The settings of one queue. */
export interface QueueSettings {
  readonly tables: RewriteTables;
  /** Deliveries at once; 0 while held. */
  readonly concurrency: Readonly<Record<QueueChannel, number>>;
  readonly held: boolean;
  /** How long a message is tried. */
  readonly lifetimeMs: number;
  /** How long a bounce is tried. */
  readonly bounceLifetimeMs: number;
  readonly bounce: BounceSettings;
  /** This host's name, for Received lines. */
  readonly host: string;
}

/** The control files that `readQueueSettings` reads. */
export const QUEUE_CONTROL_FILES = [
  "bouncefrom",
  "bouncehost",
  "bouncelifetime",
  "bouncemaxbytes",
  "bouncemessage",
  "bouncesubject",
  "concurrencyl.queueN",
  "concurrencylocal",
  "concurrencyr.queueN",
  "concurrencyremote",
  "doublebouncehost",
  "doublebouncemessage",
  "doublebouncesubject",
  "doublebounceto",
  "envnoathost",
  "holdlocal",
  "holdremote",
  "locals",
  "me",
  "percenthack",
  "queuelifetime",
  "virtualdomains",
] as const;

/** Reads the settings of queue `queueName`. Throws Permanent or Temporary naming the file that is wrong. */
export function readQueueSettings(control: ControlFiles, queueName: string): QueueSettings {
  const me = control.me();
  const lower = (lines: readonly string[]) => new Set(lines.map((line) => line.toLowerCase()));
  const limit = (common: string, own: string, fallback: number) =>
    Math.min(control.number(own, control.number(common, fallback)), CONCURRENCY_MAX);
  const holdLocal = control.number("holdlocal", 0) !== 0;
  const holdRemote = control.number("holdremote", 0) !== 0;
  const queueLifetime = control.number("queuelifetime", WEEK_SECONDS);
  const local = holdLocal ? 0 : limit("concurrencylocal", `concurrencyl.${queueName}`, 10);
  const remote = holdRemote ? 0 : limit("concurrencyremote", `concurrencyr.${queueName}`, 20);
  return Object.freeze({
    tables: {
      envnoathost: control.lineOrMe("envnoathost"),
      percenthack: lower(control.lines("percenthack") ?? []),
      locals: lower(control.lines("locals") ?? [me]),
      virtualdomains: parseVirtualDomains(control.lines("virtualdomains") ?? []),
    },
    concurrency: { local, remote },
    held: holdLocal || holdRemote,
    lifetimeMs: queueLifetime * 1000,
    bounceLifetimeMs: Math.min(control.number("bouncelifetime", queueLifetime), queueLifetime) * 1000,
    bounce: readBounceSettings(control, me),
    host: me,
  });
}

function readBounceSettings(control: ControlFiles, me: string): BounceSettings {
  return {
    program: "qmail-send",
    bounceFrom: control.line("bouncefrom") ?? "MAILER-DAEMON",
    bounceHost: control.line("bouncehost") ?? me,
    bounceSubject: control.line("bouncesubject") ?? "failure notice",
    bounceMessage: control.text("bouncemessage"),
    bounceBytesMax: control.number("bouncemaxbytes", BOUNCE_BYTES),
    // a file that begins with an empty line discards double bounces
    doubleBounceTo: control.line("doublebounceto") ??
      (control.text("doublebounceto") === undefined ? "postmaster" : ""),
    doubleBounceHost: control.line("doublebouncehost") ?? me,
    doubleBounceSubject: control.line("doublebouncesubject") ?? "failure notice",
    doubleBounceMessage: control.text("doublebouncemessage"),
  };
}
