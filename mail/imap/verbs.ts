/**
 * The verb table: for each command the states it is allowed in, how its arguments are parsed, and what it does [rfc3501 6].
 * APPEND with its message does not come here: its bytes are left in the stream (command_append.ts).
 */
import { runFetch } from "./command_fetch.ts";
import {
  runCreate,
  runDelete,
  runList,
  runLsub,
  runNamespace,
  runRename,
  runStatus,
  runSubscribe,
} from "./command_folders.ts";
import { runIdle } from "./command_idle.ts";
import { runAuthenticate, runCapability, runEnable, runId, runLogin, runLogout, runStartTls } from "./command_login.ts";
import { runSearch } from "./command_search.ts";
import { runClose, runExpunge, runSelect, runUnselect } from "./command_selected.ts";
import { type Numbering, runCopy, runMove, runStore } from "./command_store.ts";
import {
  parseAppendStart,
  parseAstrings,
  parseAuthenticate,
  parseEnable,
  parseId,
  parseList,
  parseSetAndMailbox,
  parseSetOnly,
  parseStatus,
  parseStore,
} from "./parse.ts";
import { parseFetchItems } from "./parse_fetch.ts";
import { parseSearch } from "./parse_search.ts";
import { bad, type Completion, ok } from "./replies.ts";
import type { Scanner } from "./scanner.ts";
import type { CommandContext, ImapState, Verb } from "./session_types.ts";
import { parseSet } from "./sets.ts";

const ANY: readonly ImapState[] = ["not-authenticated", "authenticated", "selected"];
const BEFORE_LOGIN: readonly ImapState[] = ["not-authenticated"];
const AFTER_LOGIN: readonly ImapState[] = ["authenticated", "selected"];
const SELECTED: readonly ImapState[] = ["selected"];

type Act<A> = (session: CommandContext, given: A) => Completion | Promise<Completion>;

function verb<A>(states: readonly ImapState[], parse: (scanner: Scanner) => A, act: Act<A>): Verb {
  return {
    states,
    expunges: true,
    prepare(scanner) {
      const given = parse(scanner);
      return (session) => act(session, given);
    },
  };
}

/** A verb without arguments. */
function bare(states: readonly ImapState[], act: (session: CommandContext) => Completion | Promise<Completion>): Verb {
  return verb(states, (scanner) => scanner.end(), (session) => act(session));
}

/** A verb with one mailbox name. */
function named(act: Act<string>): Verb {
  return verb(AFTER_LOGIN, (scanner) => parseAstrings(scanner, 1)[0]!, act);
}

/** A verb on messages: by number, when no EXPUNGE may be sent in between, and with UID before it. */
function numbered<A>(
  name: string,
  parse: (scanner: Scanner) => A,
  act: (session: CommandContext, given: A, numbering: Numbering) => Completion | Promise<Completion>,
): [string, Verb][] {
  const expunges = name === "COPY" || name === "MOVE";
  const row = (numbering: Numbering) => verb(SELECTED, parse, (session, given) => act(session, given, numbering));
  return [[name, { ...row({ byUid: false }), expunges }], [`UID ${name}`, row({ byUid: true })]];
}

function parseFetch(scanner: Scanner) {
  scanner.space();
  const set = parseSet(scanner);
  scanner.space();
  const items = parseFetchItems(scanner);
  scanner.end();
  return { set, items };
}

function parseSearchArguments(scanner: Scanner) {
  scanner.space();
  return parseSearch(scanner);
}

/** Every command by its verb. */
export const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["CAPABILITY", bare(ANY, runCapability)],
  ["NOOP", bare(ANY, () => ok("nothing done"))],
  ["LOGOUT", bare(ANY, runLogout)],
  ["ID", verb(ANY, parseId, (session) => runId(session))],
  ["STARTTLS", bare(BEFORE_LOGIN, runStartTls)],
  ["LOGIN", verb(BEFORE_LOGIN, (s) => parseAstrings(s, 2), (session, [user, pass]) => runLogin(session, user!, pass!))],
  ["AUTHENTICATE", verb(BEFORE_LOGIN, parseAuthenticate, runAuthenticate)],
  ["ENABLE", verb(AFTER_LOGIN, parseEnable, (session) => runEnable(session))],
  ["NAMESPACE", bare(AFTER_LOGIN, runNamespace)],
  ["SELECT", named((session, name) => runSelect(session, name, { readOnly: false }))],
  ["EXAMINE", named((session, name) => runSelect(session, name, { readOnly: true }))],
  ["CREATE", named(runCreate)],
  ["DELETE", named(runDelete)],
  ["RENAME", verb(AFTER_LOGIN, (s) => parseAstrings(s, 2), (session, [from, to]) => runRename(session, from!, to!))],
  ["SUBSCRIBE", named((session, name) => runSubscribe(session, name, { subscribed: true }))],
  ["UNSUBSCRIBE", named((session, name) => runSubscribe(session, name, { subscribed: false }))],
  ["LIST", verb(AFTER_LOGIN, parseList, runList)],
  ["LSUB", verb(AFTER_LOGIN, parseList, runLsub)],
  ["STATUS", verb(AFTER_LOGIN, parseStatus, (session, given) => runStatus(session, given.mailbox, given.items))],
  ["APPEND", verb(AFTER_LOGIN, parseAppendStart, () => bad("the message must come as a literal"))],
  ["IDLE", bare(AFTER_LOGIN, runIdle)],
  ["CHECK", bare(SELECTED, () => ok("checked"))],
  ["CLOSE", bare(SELECTED, runClose)],
  ["UNSELECT", bare(SELECTED, runUnselect)],
  ["EXPUNGE", bare(SELECTED, (session) => runExpunge(session))],
  ["UID EXPUNGE", verb(SELECTED, parseSetOnly, runExpunge)],
  ...numbered("FETCH", parseFetch, runFetch),
  ...numbered("STORE", parseStore, runStore),
  ...numbered("SEARCH", parseSearchArguments, runSearch),
  ...numbered("COPY", parseSetAndMailbox, runCopy),
  ...numbered("MOVE", parseSetAndMailbox, runMove),
]);
