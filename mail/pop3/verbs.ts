/** The verb table of the POP3 session: which command is possible in which state, and what runs it [rfc1939 9]. */
import { runAuth, runCapa, runPass, runStls, runUser } from "./command_login.ts";
import {
  runDele,
  runLast,
  runList,
  runNoop,
  runQuit,
  runRetr,
  runRset,
  runStat,
  runTop,
  runUidl,
} from "./command_mail.ts";
import { accept, reject } from "./replies.ts";
import type { Pop3Action, Pop3State } from "./session_types.ts";

/** A row of the table: an action by state. */
export type Pop3Verb = Readonly<Partial<Record<Pop3State, Pop3Action>>>;

/** All commands. */
export const VERBS: ReadonlyMap<string, Pop3Verb> = new Map<string, Pop3Verb>([
  ["CAPA", { authorization: runCapa, transaction: runCapa }],
  ["STLS", { authorization: runStls }],
  ["USER", { authorization: runUser }],
  ["PASS", { authorization: runPass }],
  ["AUTH", { authorization: runAuth }],
  // Needs passwords that the server can read: the store has none [rfc1939 7, APOP].
  ["APOP", { authorization: () => reject("APOP is not supported, use AUTH") }],
  ["STAT", { transaction: runStat }],
  ["LIST", { transaction: runList }],
  ["UIDL", { transaction: runUidl }],
  ["RETR", { transaction: runRetr }],
  ["TOP", { transaction: runTop }],
  ["DELE", { transaction: runDele }],
  ["RSET", { transaction: runRset }],
  ["NOOP", { transaction: runNoop }],
  ["LAST", { transaction: runLast }],
  [
    "QUIT",
    {
      authorization: (session) => {
        session.finish("quit");
        return accept("good bye");
      },
      transaction: runQuit,
    },
  ],
]);
