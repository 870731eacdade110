/** The lines of an AUTH exchange on the server's side: base64, `*`, and their limits [rfc4954 4]. */
import { formatBase64, parseBase64 } from "../sasl/base64.ts";
import type { SmtpAuthExchange, SmtpAuthStep } from "./backend.ts";
import { AUTH_LINE_BYTES_MAX } from "./limits.ts";
import type { LineReader } from "./line_reader.ts";
import { REPLIES, type SmtpReply } from "./replies.ts";
import { Temporary } from "../../core/errors.ts";

/** Steps of an exchange; the longest mechanism has three. */
const STEPS_MAX = 8;
const NOTHING = new Uint8Array();

/** What the exchange needs of its session. */
export interface AuthLines {
  /** Writes a line. */
  send(text: string): Promise<void>;
  readonly input: LineReader;
  /** The reply for an error of the backend. */
  failed(error: unknown): SmtpReply;
}

/** Runs an exchange to its reply. Throws what reading and writing throw. */
export async function serveAuth(
  exchange: SmtpAuthExchange,
  initial: string | undefined,
  lines: AuthLines,
): Promise<SmtpReply> {
  let response = initial === undefined ? undefined : initial === "=" ? NOTHING : parseBase64(initial);
  if (initial !== undefined && response === undefined) return REPLIES.authNotBase64;
  for (let count = 0; count < STEPS_MAX; count++) {
    let step: SmtpAuthStep;
    try {
      step = await exchange.step(response);
    } catch (error) {
      return lines.failed(error);
    }
    if (step.kind === "finished") return step.reply;
    await lines.send(`334 ${formatBase64(step.bytes)}\r\n`);
    const line = await nextLine(lines.input);
    if (line === undefined) return REPLIES.lineTooLong;
    if (line === "*") return REPLIES.authCancelled;
    response = line === "" ? NOTHING : parseBase64(line);
    if (response === undefined) return REPLIES.authNotBase64;
  }
  return REPLIES.authCancelled;
}

async function nextLine(input: LineReader): Promise<string | undefined> {
  for (;;) {
    const next = input.next(AUTH_LINE_BYTES_MAX);
    if (next === "too-long") return undefined;
    if (next !== "fill") return next.line;
    if (!(await input.fill())) throw new Temporary("connection lost during AUTH");
  }
}
