/** SEARCH and UID SEARCH [rfc3501 6.4.4]: reads as little as decides. */
import { Header } from "../header/header.ts";
import { currentIndices } from "./changes.ts";
import { headerOfEnvelope } from "./envelope.ts";
import type { Numbering } from "./command_store.ts";
import type { SearchCommand, SearchKey } from "./parse_search.ts";
import { bad, type Completion, no, ok } from "./replies.ts";
import { type Candidate, needOf, type SearchNeed, type Test, testOf } from "./search.ts";
import { contentOf } from "./search_content.ts";
import type { SelectedMailbox } from "./selected.ts";
import type { CommandContext } from "./session_types.ts";

/** Messages whose headers are asked of the store at once. Ours. */
const HEADER_BATCH = 64;
/** Messages whose envelopes are asked of the store at once. Ours. */
const ENVELOPE_BATCH = 1024;

/** [rfc3501 6.4.4] [rfc3501 6.4.8] */
export async function runSearch(
  session: CommandContext,
  command: SearchCommand,
  numbering: Numbering,
): Promise<Completion> {
  if (command.kind === "bad-charset") return no("unknown character set", "BADCHARSET (US-ASCII UTF-8)");
  const { folder, out } = session;
  const found = await search(folder, command.key);
  if (!found) return bad("there is no message of that number");
  found.sort((a, b) => a - b);
  out.text("* SEARCH");
  for (const index of found) {
    out.text(" ");
    out.number(numbering.byUid ? folder.known.uids[index]! : index + 1);
  }
  out.text("\r\n");
  return ok("searched");
}

/** Indices of the messages found; undefined when a sequence number is beyond the end. */
async function search(folder: SelectedMailbox, key: SearchKey): Promise<number[] | undefined> {
  const { known, mailbox } = folder;
  const test = testOf(key, { uids: known.uids, keywords: mailbox.keywords });
  if (!test) return undefined;
  const current = mailbox.snapshot;
  const places = currentIndices(known, current);
  const found: number[] = [];
  let undecided: Candidate[] = [];
  for (let index = 0; index < known.uids.length; index++) {
    const place = places ? places[index]! : index;
    if (place < 0) continue;
    const recent = folder.isRecent(known.uids[index]!);
    const candidate: Candidate = { index, recent, snapshot: current, place };
    const result = test(candidate);
    if (result) found.push(index);
    else if (result === undefined) undecided.push(candidate);
  }
  const need = needOf(key);
  if (undecided.length > 0 && need.header) undecided = await byHeader(folder, { need, test, undecided, found });
  else if (undecided.length > 0 && need.envelope) {
    undecided = await byEnvelope(folder, { need, test, undecided, found });
  }
  if (undecided.length > 0 && need.message) await byMessage(folder, { need, test, undecided, found });
  return found;
}

interface Pass {
  readonly need: SearchNeed;
  readonly test: Test;
  readonly undecided: readonly Candidate[];
  readonly found: number[];
}

/** Decides what headers decide; gives back the rest. */
async function byHeader(folder: SelectedMailbox, pass: Pass): Promise<Candidate[]> {
  const rest: Candidate[] = [];
  for (let from = 0; from < pass.undecided.length; from += HEADER_BATCH) {
    const batch = pass.undecided.slice(from, from + HEADER_BATCH);
    const uids = Uint32Array.from(batch, (candidate) => folder.known.uids[candidate.index]!);
    const headers = await folder.mailbox.headers(uids);
    for (let row = 0; row < batch.length; row++) {
      const bytes = headers[row];
      if (!bytes) continue;
      const candidate = { ...batch[row]!, header: new Header(bytes) };
      const result = pass.test(candidate);
      if (result) pass.found.push(candidate.index);
      else if (result === undefined) rest.push(candidate);
    }
  }
  return rest;
}

/** Decides what the fields decide that the store's envelopes have; gives back the rest. */
async function byEnvelope(folder: SelectedMailbox, pass: Pass): Promise<Candidate[]> {
  const rest: Candidate[] = [];
  for (let from = 0; from < pass.undecided.length; from += ENVELOPE_BATCH) {
    const batch = pass.undecided.slice(from, from + ENVELOPE_BATCH);
    const uids = Uint32Array.from(batch, (candidate) => folder.known.uids[candidate.index]!);
    const { bytes, starts, lengths } = await folder.mailbox.cached("envelope", uids);
    for (const [row, known] of batch.entries()) {
      if (lengths[row] === 0) continue;
      const candidate = { ...known, header: headerOfEnvelope(bytes, starts[row]!) };
      const result = pass.test(candidate);
      if (result) pass.found.push(candidate.index);
      else if (result === undefined) rest.push(known);
    }
  }
  return rest;
}

/** Decides what whole messages decide. */
async function byMessage(folder: SelectedMailbox, pass: Pass): Promise<void> {
  for (const candidate of pass.undecided) {
    const message = await folder.mailbox.message(folder.known.uids[candidate.index]!);
    if (!message) continue;
    try {
      const content = await contentOf(message, pass.need);
      if (pass.test({ ...candidate, header: content.root.header, content })) pass.found.push(candidate.index);
    } finally {
      message.close();
    }
  }
}
