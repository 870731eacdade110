/** The run of matchup and mlmatchup: logs in, records out, what is unfinished to descriptor 5 [man matchup.1]. */
import { latin1Bytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { isInheritedFd } from "../../core/libc/fd.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";
import { forEachLine, TextWriter } from "./lines.ts";
import { LogMatcher } from "./matcher.ts";
import { formatLogLine, parseLogLine } from "./qmail_log.ts";
import { formatDelivery, formatMessage } from "./records.ts";

/** Where unfinished work goes. */
export const PENDING_FD = 5;
/** Lines of pending work that go out in one write. */
const PENDING_LINES = 4096;

/** The descriptors of a run; `pending` is opened when there is something to write. */
export interface MatchupStreams {
  readonly inputs: readonly ByteReader[];
  readonly output: ByteWriter;
  pending(): ByteWriter;
}

/** Reads the inputs one after the other, as one log. Throws Temporary. */
export async function runMatchup({ inputs, output, pending }: MatchupStreams): Promise<void> {
  const out = new TextWriter(output);
  const matcher = new LogMatcher({
    message: (record) => out.line(formatMessage(record)),
    delivery: (record) => out.line(formatDelivery(record)),
  });
  const onLine = (line: string) => {
    const event = parseLogLine(line);
    if (event.kind === "warning") out.line(line);
    else if (event.kind === "unknown") out.line(`? ${line}`);
    else matcher.push(event);
  };
  let begun = ""; // a line goes on in the next input, as a chunk that was cut goes on in the next chunk
  for (const input of inputs) {
    let first = true;
    const rest = await forEachLine(input, (line) => {
      onLine(first ? begun + line : line);
      if (first) begun = "";
      first = false;
    }, () => out.flush());
    begun += rest;
  }
  await out.flush();
  await writePending(matcher, { begun, pending });
}

async function writePending(
  matcher: LogMatcher,
  { begun, pending }: { readonly begun: string; readonly pending: () => ByteWriter },
): Promise<void> {
  let writer: TextWriter | undefined;
  let lines = 0;
  for (const event of matcher.pending()) {
    writer ??= new TextWriter(pending());
    writer.line(formatLogLine(event));
    if (++lines % PENDING_LINES === 0) await writer.flush();
  }
  await writer?.flush();
  if (begun !== "") await pending().write(latin1Bytes(begun));
}

/** Descriptor 5 of this process. Throws Temporary when the caller gave none. */
export function pendingWriter(fd: (number: number) => ByteWriter): ByteWriter {
  if (!isInheritedFd(PENDING_FD)) {
    throw new Temporary("unable to write what is unfinished: descriptor 5 is not open; add 5>pending");
  }
  const writer = fd(PENDING_FD);
  return {
    write: (bytes) =>
      writer.write(bytes).catch((error: unknown) => {
        throw new Temporary(`unable to write what is unfinished to descriptor 5: ${errorText(error)}`);
      }),
  };
}
