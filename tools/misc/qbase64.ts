/**
 * base64 and qbase64: the first as everybody's base64, in lines of a width; the second, which scripts of the mail server
 * use, takes each line by itself.
 */
import { defineApplet } from "../../core/applet.ts";
import { concatBytes } from "../../core/bytes.ts";
import { Permanent, Temporary, Usage } from "../../core/errors.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";
import { Base64Decoder, Base64Encoder, encodeWithEnd, encodeWithoutEnd, LineCoder } from "./base64_stream.ts";
import { openInputFile } from "./input_file.ts";

const READ_BYTES = 48 * 1024;
const WIDTH_DEFAULT = "76";
const LF = Uint8Array.of(10);

/** Takes a stream in parts. */
interface Coder {
  push(bytes: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

async function copy(input: ByteReader, output: ByteWriter, coder: Coder): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (let count = await input.read(buffer); count !== null; count = await input.read(buffer)) {
    const bytes = coder.push(buffer.subarray(0, count));
    if (bytes.length > 0) await output.write(bytes);
  }
  const bytes = coder.end();
  if (bytes.length > 0) await output.write(bytes);
}

/** Decodes each line and ends it; what is wrong in one is said when all is done. */
class LineDecoder {
  wrong = false;
  readonly #lines = new LineCoder((line) => {
    const decoder = new Base64Decoder({ ignoreOthers: false });
    const bytes = concatBytes(decoder.push(line), decoder.end(), LF);
    this.wrong ||= decoder.wrong;
    return bytes;
  });
  push = (bytes: Uint8Array) => this.#lines.push(bytes);
  end = () => this.#lines.end();
}

function wrapWidth(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Usage(`${text} is not a number of characters`);
  return Number(text);
}

export const applet = defineApplet({
  names: ["qbase64", "base64"],
  section: 1,
  summary: "encode or decode base64",
  role: "text",
  dialect: "admin",
  options: {
    decode: { flag: "d", long: "decode", help: "decode" },
    ignore: {
      flag: "i",
      long: "ignore-garbage",
      help: "base64: when decoding, leave out what is not of the alphabet; qbase64: the line end is not encoded",
    },
    wrap: {
      flag: "w",
      long: "wrap",
      value: "columns",
      default: "76; qbase64: each line of the input",
      help: "length of lines, 0: one line without end",
    },
  },
  operands: [{ name: "file", help: "what is read; - or none: standard input", optional: true }],
  description:
    `Encodes or decodes base64 between standard input and output. base64 encodes the whole input and breaks the text
into lines. qbase64 encodes each line of the input by itself, its line end included, and with -i without it; with -d -i it
decodes each line by itself and ends it. With -w it is base64. Line ends within what is decoded mean nothing.`,
  exits: { "1": "the input is no base64; what came before has been printed" },
  examples: [{ command: "echo user | qbase64 -i", help: "dXNlcg==" }],
  source: ["[man qbase64.1]", "[rfc4648 4]"],
  async run(proc) {
    const { decode, ignore, wrap } = proc.options;
    const byLine = proc.name === "qbase64" && wrap === undefined;
    const width = wrapWidth(wrap ?? WIDTH_DEFAULT);
    const input = openInputFile(proc, proc.args[0]);
    try {
      if (decode) {
        const decoder = byLine && ignore ? new LineDecoder() : new Base64Decoder({ ignoreOthers: ignore });
        await copy(input, proc.stdout, decoder);
        if (decoder.wrong) throw new Permanent("invalid input: it is not base64");
      } else {
        const lines = () => new LineCoder(ignore ? encodeWithoutEnd : encodeWithEnd);
        await copy(input, proc.stdout, byLine ? lines() : new Base64Encoder(width));
      }
    } catch (error) {
      throw error instanceof Deno.errors.IsADirectory ? new Temporary(`${proc.args[0]} is a folder`) : error;
    } finally {
      input.close();
    }
  },
});
