/**
 * Moves a message from the connection to the backend through one pooled buffer: the head and the beginning of the
 * message leave together, so that a small message is one write.
 */
import type { ByteReader } from "../../core/stream.ts";
import type { SmtpMessage } from "./backend.ts";
import { DataScanner } from "./data_scanner.ts";
import { DISCARD_BYTES_MAX } from "./limits.ts";
import { REPLIES, type SmtpReply } from "./replies.ts";

/** Room in the buffer below which it is handed on before more is read. */
const READ_BYTES_MIN = 8 * 1024;

/** What came of a message. `rest` is what was read behind it. */
export type Received =
  | { readonly kind: "whole"; readonly sizeBytes: number; readonly rest: Uint8Array }
  /** `inStep` false: where the message ends is not known, the session cannot go on. */
  | { readonly kind: "refused"; readonly reply: SmtpReply; readonly inStep: boolean; readonly rest: Uint8Array }
  | { readonly kind: "lost" };

/** Where a message goes and what limits it. */
export interface DataReceiverOptions {
  readonly message: SmtpMessage;
  readonly buffer: Uint8Array;
  readonly hopsMax: number;
  /** 0: no limit. */
  readonly sizeBytesMax: number;
}

const NOTHING = new Uint8Array();

/** Receives one message. */
export class DataReceiver {
  readonly #reader: ByteReader;
  readonly #options: DataReceiverOptions;
  readonly #scanner = new DataScanner();
  #refusal: SmtpReply | undefined;

  constructor(reader: ByteReader, options: DataReceiverOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  /** `early` is what the client has already sent of it. Throws what reading throws. */
  async receive(early: Uint8Array): Promise<Received> {
    const { buffer, message } = this.#options;
    const scanner = this.#scanner;
    let output = message.head.length;
    buffer.set(message.head);
    if (output + early.length > buffer.length) {
      await message.write(buffer.subarray(0, output));
      output = 0;
    }
    buffer.set(early, output);
    let input = output;
    let inputEnd = output + early.length;
    for (;;) {
      const state = scanner.scan(buffer, { output, input, inputEnd });
      this.#check();
      output = this.#refusal ? 0 : scanner.outputEnd;
      if (state !== "more") {
        const rest = buffer.subarray(scanner.inputStart, inputEnd);
        return await this.#ended(state, buffer.subarray(0, output), rest);
      }
      if (scanner.sizeBytes > DISCARD_BYTES_MAX && this.#refusal) {
        return { kind: "refused", reply: this.#refusal, inStep: false, rest: NOTHING };
      }
      const left = inputEnd - scanner.inputStart;
      if (buffer.length - output - left < READ_BYTES_MIN) {
        await message.write(buffer.subarray(0, output));
        output = 0;
      }
      if (left > 0) buffer.copyWithin(output, scanner.inputStart, inputEnd);
      input = output;
      inputEnd = output + left;
      const count = await this.#reader.read(buffer.subarray(inputEnd));
      if (count === null) return { kind: "lost" };
      inputEnd += count;
    }
  }

  #check(): void {
    if (this.#refusal) return;
    const { hopsMax, sizeBytesMax } = this.#options;
    if (this.#scanner.hops >= hopsMax) this.#refusal = REPLIES.tooManyHops;
    else if (sizeBytesMax > 0 && this.#scanner.sizeBytes > sizeBytesMax) this.#refusal = REPLIES.messageTooLarge;
  }

  async #ended(state: "end" | "bare-lf" | "bare-cr", output: Uint8Array, rest: Uint8Array): Promise<Received> {
    if (state !== "end") {
      return {
        kind: "refused",
        reply: REPLIES[state === "bare-lf" ? "bareLf" : "bareCr"],
        inStep: false,
        rest: NOTHING,
      };
    }
    if (this.#refusal) return { kind: "refused", reply: this.#refusal, inStep: true, rest };
    if (output.length > 0) await this.#options.message.write(output);
    return { kind: "whole", sizeBytes: this.#scanner.sizeBytes, rest };
  }
}
