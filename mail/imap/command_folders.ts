/** Commands on folders: LIST, LSUB, STATUS, NAMESPACE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE [rfc3501 6.3]. */
import { Permanent } from "../../core/errors.ts";
import { type ImapFolder, isRefusal, type Refusal } from "./backend.ts";
import { formatAstring, formatString } from "./format.ts";
import { checkNewMailboxName, mailboxMatcher, normalMailboxName } from "./mailbox_name.ts";
import type { ListArguments, StatusItem } from "./parse.ts";
import { type Completion, no, ok, refused } from "./replies.ts";
import type { CommandContext } from "./session_types.ts";

/** A name without a trailing separator, INBOX in upper case. */
function nameOf(session: CommandContext, name: string): string {
  const { separator } = session.account;
  const normal = normalMailboxName(name, separator);
  return normal.length > 1 && normal.endsWith(separator) ? normal.slice(0, -1) : normal;
}

function done(result: Refusal | void, text: string): Completion {
  return isRefusal(result) ? refused(result) : ok(text);
}

/** Why a new name cannot be. */
function wrongName(session: CommandContext, name: string): Completion | undefined {
  try {
    checkNewMailboxName(name, session.account.separator);
    return undefined;
  } catch (error) {
    if (error instanceof Permanent) return no(error.message, "CANNOT");
    throw error;
  }
}

/** [rfc3501 6.3.3] */
export async function runCreate(session: CommandContext, given: string): Promise<Completion> {
  const name = nameOf(session, given);
  return wrongName(session, name) ?? done(await session.account.create(name), "created");
}

/** [rfc3501 6.3.4] */
export async function runDelete(session: CommandContext, given: string): Promise<Completion> {
  return done(await session.account.remove(nameOf(session, given)), "deleted");
}

/** [rfc3501 6.3.5] */
export async function runRename(session: CommandContext, from: string, to: string): Promise<Completion> {
  const name = nameOf(session, to);
  return wrongName(session, name) ?? done(await session.account.rename(nameOf(session, from), name), "renamed");
}

/** [rfc3501 6.3.6] [rfc3501 6.3.7] */
export async function runSubscribe(
  session: CommandContext,
  given: string,
  options: { readonly subscribed: boolean },
): Promise<Completion> {
  const result = await session.account.subscribe(nameOf(session, given), options);
  return done(result, options.subscribed ? "subscribed" : "unsubscribed");
}

/** [rfc2342 5] */
export function runNamespace(session: CommandContext): Completion {
  const { personalPrefix, separator } = session.account;
  session.out.line(`* NAMESPACE ((${formatString(personalPrefix)} ${formatString(separator)})) NIL NIL`);
  return ok("these");
}

/** [rfc3501 6.3.10] */
export async function runStatus(
  session: CommandContext,
  given: string,
  items: readonly StatusItem[],
): Promise<Completion> {
  const name = nameOf(session, given);
  const status = await session.account.status(name);
  if (isRefusal(status)) return refused(status);
  const values: Readonly<Record<StatusItem, number>> = {
    MESSAGES: status.messages,
    RECENT: status.recent,
    UIDNEXT: status.uidNext,
    UIDVALIDITY: status.uidValidity,
    UNSEEN: status.unseen,
  };
  const text = items.map((item) => `${item} ${values[item]}`).join(" ");
  session.out.line(`* STATUS ${formatAstring(name)} (${text})`);
  return ok("status done");
}

/** [rfc3501 6.3.8] [rfc3348] [rfc6154] */
export async function runList(session: CommandContext, given: ListArguments): Promise<Completion> {
  const { account, out } = session;
  const { separator } = account;
  if (given.patterns.length === 1 && given.patterns[0] === "") {
    out.line(`* LIST (\\Noselect) ${formatString(separator)} ${formatString("")}`);
    return ok("the separator");
  }
  const folders = await account.list();
  const parents = parentsOf(folders.map((folder) => folder.name), separator);
  const rows: ListRow[] = folders.map((folder) => ({ name: folder.name, folder }));
  const known = new Set(folders.map((folder) => folder.name));
  for (const name of parents) if (!known.has(name)) rows.push({ name, folder: undefined });
  if (given.select.includes("SUBSCRIBED")) {
    for (const name of await account.subscriptions()) {
      if (!known.has(name) && !parents.has(name)) rows.push({ name, folder: undefined });
    }
  }
  const subscribed = new Set(
    given.select.includes("SUBSCRIBED") || given.returns.includes("SUBSCRIBED") ? await account.subscriptions() : [],
  );
  const tests = given.patterns.map((pattern) => mailboxMatcher(given.reference + pattern, separator));
  for (const row of rows) {
    if (given.select.includes("SPECIAL-USE") && row.folder?.specialUse === undefined) continue;
    if (given.select.includes("SUBSCRIBED") && !subscribed.has(row.name)) continue;
    if (!tests.some((matches) => matches(row.name))) continue;
    const attributes = attributesOf(row, { hasChildren: parents.has(row.name), subscribed: subscribed.has(row.name) });
    out.line(`* LIST (${attributes}) ${formatString(separator)} ${formatAstring(row.name)}`);
    if (out.full) await session.flush();
  }
  return ok("listed");
}

/** A name that LIST may show; without a folder: only a level above others, or a subscription of one that is gone. */
interface ListRow {
  readonly name: string;
  readonly folder: ImapFolder | undefined;
}

/** All levels above the names. */
function parentsOf(names: readonly string[], separator: string): Set<string> {
  const parents = new Set<string>();
  for (const name of names) {
    for (let at = name.lastIndexOf(separator); at > 0; at = name.lastIndexOf(separator, at - 1)) {
      parents.add(name.slice(0, at));
    }
  }
  return parents;
}

function attributesOf(
  row: ListRow,
  state: { readonly hasChildren: boolean; readonly subscribed: boolean },
): string {
  const words: string[] = [];
  if (!row.folder?.selectable) words.push("\\Noselect");
  words.push(state.hasChildren ? "\\HasChildren" : "\\HasNoChildren");
  if (state.subscribed) words.push("\\Subscribed");
  if (row.folder?.specialUse) words.push(row.folder.specialUse);
  return words.join(" ");
}

/** [rfc3501 6.3.9]: also names of folders that are gone; with `%`, the levels above subscribed ones. */
export async function runLsub(session: CommandContext, given: ListArguments): Promise<Completion> {
  const { account, out } = session;
  const { separator } = account;
  const names = await account.subscriptions();
  const subscribed = new Set(names);
  const selectable = new Set((await account.list()).filter((folder) => folder.selectable).map((folder) => folder.name));
  const rows = [...names];
  const pattern = given.reference + (given.patterns[0] ?? "");
  if (pattern.endsWith("%")) {
    for (const parent of parentsOf(names, separator)) if (!subscribed.has(parent)) rows.push(parent);
  }
  const matches = mailboxMatcher(pattern, separator);
  for (const name of rows) {
    if (!matches(name)) continue;
    const attributes = subscribed.has(name) && selectable.has(name) ? "" : "\\Noselect";
    out.line(`* LSUB (${attributes}) ${formatString(separator)} ${formatAstring(name)}`);
    if (out.full) await session.flush();
  }
  return ok("listed");
}
