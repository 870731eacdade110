/**
 * The server of qmail-smtpd when it runs inside tcpserver: sessions with the same environment share one, with its
 * connections to the lookup and queue daemons, its settings and its ids. Control files are read again as they would be by
 * a process for each session, but not for each of many at a time.
 */
import type { Proc } from "../../core/applet.ts";
import { bindSmtpServer, type BoundServer } from "./bind.ts";
import { SMTPD_ENV } from "./settings.ts";

/** How old the settings of a new session may be. */
const SETTINGS_AGE_MS = 2000;
/** Environments that are kept apart; with more, sessions get a server of their own. */
const SERVERS_MAX = 100;

const shared = new Map<string, { readonly bound: BoundServer; readMs: number }>();

/** The server for this session; its `close` leaves what is shared open. Throws Permanent as bindSmtpServer does. */
export function serverForSession(proc: Proc): BoundServer {
  if (!proc.connection) return bindSmtpServer(proc);
  const key = Object.keys(SMTPD_ENV).map((name) => proc.env.get(name) ?? "\n").join("\0");
  const nowMs = proc.clock.nowMs();
  let known = shared.get(key);
  if (!known) {
    if (shared.size >= SERVERS_MAX) return bindSmtpServer(proc);
    const bound = bindSmtpServer(proc);
    known = { bound: { ...bound, close() {} }, readMs: nowMs };
    shared.set(key, known);
  } else if (Math.abs(nowMs - known.readMs) > SETTINGS_AGE_MS) {
    known.readMs = nowMs;
    known.bound.reread();
  }
  return known.bound;
}
