/** APPEND [rfc3501 6.3.11]: the message goes to the store as it comes; it is never in memory as a whole. */
import type { ImapAppend } from "./backend.ts";
import { isRefusal } from "./backend.ts";
import { APPEND_BYTES_MAX, discard, type Incoming, restOfCommand } from "./command_reader.ts";
import { normalMailboxName } from "./mailbox_name.ts";
import { bad, type Completion, no, ok, refused } from "./replies.ts";
import type { CommandContext } from "./session_types.ts";

/** Takes the message of an APPEND whose beginning is parsed. */
export async function runAppend(
  session: CommandContext,
  incoming: Extract<Incoming, { kind: "append" }>,
): Promise<Completion> {
  const { start, sizeBytes, synchronizing } = incoming;
  const refuse = async (completion: Completion) => {
    if (!synchronizing && !await discard(session.input, sizeBytes)) session.finish("disconnected");
    return completion;
  };
  if (sizeBytes > APPEND_BYTES_MAX) {
    if (!synchronizing) session.finish("refused");
    return no(`a message has at most ${APPEND_BYTES_MAX} bytes`, "TOOBIG");
  }
  if (sizeBytes === 0) return refuse(no("the message is empty"));
  const name = normalMailboxName(start.mailbox, session.account.separator);
  const { flags, keywords, internalDateMs } = start;
  let append;
  try {
    append = await session.account.append(name, { flags, keywords, internalDateMs, sizeBytes });
  } catch (error) {
    // the client may have sent the message already: it must not be read as commands
    if (!synchronizing && !await discard(session.input, sizeBytes)) session.finish("disconnected");
    throw error;
  }
  if (isRefusal(append)) return refuse(refused(append));
  if (synchronizing) session.out.line("+ go ahead");
  return await take(session, append, sizeBytes);
}

async function take(session: CommandContext, append: ImapAppend, sizeBytes: number): Promise<Completion> {
  let failure: { readonly error: unknown } | undefined;
  let rest: string | undefined;
  let finished = false;
  try {
    const whole = await session.input.pass(sizeBytes, async (bytes) => {
      if (failure) return;
      try {
        await append.write(bytes);
      } catch (error) {
        failure = { error };
      }
    });
    rest = whole ? await restOfCommand(session.input) : undefined;
    if (rest === "" && !failure) {
      finished = true;
      const done = await append.finish();
      return isRefusal(done) ? refused(done) : ok("message added", `APPENDUID ${done.uidValidity} ${done.uid}`);
    }
  } finally {
    if (!finished) await append.abort();
  }
  if (rest === undefined) session.finish("disconnected");
  if (failure) throw failure.error;
  return bad("one message at a time, and nothing behind it");
}
