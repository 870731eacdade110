/**
 * Reads one command with its literals [rfc3501 4.3] [rfc7888]. A literal stands in the text where it was sent; only the message
 * of an APPEND is left in the stream, for the command to read.
 */
import { Permanent } from "../../core/errors.ts";
import { type ImapInput, LineTooLong } from "./input.ts";
import type { ImapOutput } from "./output.ts";
import { type AppendStart, parseAppendStart, parseTag } from "./parse.ts";
import { bad, type Completion, no } from "./replies.ts";
import { Scanner } from "./scanner.ts";

/** Longest line of a command, bytes. Ours, as Dovecot's: long UID sets. */
export const LINE_BYTES_MAX = 64 * 1024;
/** Longest command with its literals, but for the message of an APPEND, bytes. Ours. */
export const COMMAND_BYTES_MAX = 256 * 1024;
/** The same before login, bytes: a SASL response fits, and an ID of 30 fields of 30 and 1024 bytes [rfc2971 3.3]. Ours. */
export const COMMAND_BYTES_BEFORE_LOGIN_MAX = 40 * 1024;
/** Largest message of an APPEND, bytes. Ours. */
export const APPEND_BYTES_MAX = 100 * 1024 * 1024;

/** What a client sent. */
export type Incoming =
  | { readonly kind: "end" }
  | { readonly kind: "command"; readonly text: string; readonly tag: string }
  | {
    readonly kind: "append";
    readonly tag: string;
    readonly start: AppendStart;
    readonly sizeBytes: number;
    readonly synchronizing: boolean;
  }
  /** Cannot be a command; tag `*` where none could be read. */
  | { readonly kind: "refused"; readonly tag: string; readonly completion: Completion };

const LITERAL_END = /\{(\d{1,10})(\+?)\}$/;

/** Reads a command. Throws LineTooLong where the stream cannot be followed any more. */
export async function readCommand(
  input: ImapInput,
  out: ImapOutput,
  options: { readonly authenticated: boolean },
): Promise<Incoming> {
  const bytesMax = options.authenticated ? COMMAND_BYTES_MAX : COMMAND_BYTES_BEFORE_LOGIN_MAX;
  const lineMax = Math.min(LINE_BYTES_MAX, bytesMax);
  let line = await input.line(lineMax);
  if (line === undefined) return { kind: "end" };
  const tag = parseTag(line);
  if (tag === undefined) return { kind: "refused", tag: "*", completion: bad("a tag and a command are missing") };
  let text = line;
  for (;;) {
    const literal = LITERAL_END.exec(line);
    if (!literal) return { kind: "command", text, tag };
    const sizeBytes = Number(literal[1]);
    const synchronizing = literal[2] === "";
    const start = options.authenticated ? appendStart(text.slice(0, text.length - literal[0].length), tag) : undefined;
    if (start) return { kind: "append", tag, start, sizeBytes, synchronizing };
    if (text.length + sizeBytes > bytesMax) {
      if (!synchronizing && sizeBytes > (options.authenticated ? APPEND_BYTES_MAX : bytesMax)) {
        throw new LineTooLong(`literal longer than ${bytesMax} bytes`);
      }
      if (!synchronizing && !await discard(input, sizeBytes)) return { kind: "end" };
      return { kind: "refused", tag, completion: no("the literal is too long", "TOOBIG") };
    }
    if (synchronizing) out.line("+ go ahead");
    const content = await input.textOf(sizeBytes);
    const rest = content === undefined ? undefined : await input.line(lineMax);
    if (rest === undefined) return { kind: "end" };
    text += `\r\n${content}${rest}`;
    line = rest;
  }
}

/** Passes over a literal that is not wanted, and the rest of its command; false at the end of the stream. */
export async function discard(input: ImapInput, sizeBytes: number): Promise<boolean> {
  return await input.pass(sizeBytes, () => {}) && await restOfCommand(input) !== undefined;
}

/**
 * What follows the last literal that was read, up to the command's end; literals in it that come unasked are passed over, so
 * that they are not read as commands. Undefined at the end of the stream.
 */
export async function restOfCommand(input: ImapInput): Promise<string | undefined> {
  let rest = "";
  for (;;) {
    const line = await input.line(LINE_BYTES_MAX);
    if (line === undefined) return undefined;
    rest += line;
    const literal = LITERAL_END.exec(line);
    if (literal?.[2] !== "+") return rest;
    if (Number(literal[1]) > APPEND_BYTES_MAX || rest.length > LINE_BYTES_MAX) {
      throw new LineTooLong(`command longer than ${APPEND_BYTES_MAX} bytes`);
    }
    if (!await input.pass(Number(literal[1]), () => {})) return undefined;
  }
}

/** What an APPEND says before its message; undefined when the text is not (yet) that. */
function appendStart(text: string, tag: string): AppendStart | undefined {
  if (text.slice(tag.length, tag.length + 8).toUpperCase() !== " APPEND ") return undefined;
  try {
    return parseAppendStart(new Scanner(text, tag.length + 7));
  } catch (error) {
    if (error instanceof Permanent) return undefined;
    throw error;
  }
}
