/** IDLE [rfc2177]: what changes in the open folder is told at once, until the client says DONE. */
import { bad, type Completion, no, ok } from "./replies.ts";
import type { CommandContext } from "./session_types.ts";

/** Longest line while idle, bytes: DONE. */
const IDLE_LINE_BYTES_MAX = 1024;

/** Waits for DONE. */
export async function runIdle(session: CommandContext): Promise<Completion> {
  session.out.line("+ idling");
  const folder = session.selected;
  let telling: Promise<void> | undefined;
  const tell = async () => {
    await Promise.resolve(); // several changes of one moment are told together
    folder?.sync(session.out, { expunges: true });
    telling = undefined;
    // a client that is gone ends the waiting for its DONE as well
    await session.flush().catch(() => session.wire.close());
  };
  const stop = folder?.mailbox.watch(() => {
    telling ??= tell();
  });
  try {
    await folder?.mailbox.refresh();
    folder?.sync(session.out, { expunges: true });
    const line = await session.input.line(IDLE_LINE_BYTES_MAX);
    if (line === undefined) {
      session.finish("disconnected");
      return no("gone");
    }
    return line.trim().toUpperCase() === "DONE" ? ok("awake again") : bad("DONE is missing");
  } finally {
    stop?.();
    await telling;
  }
}
