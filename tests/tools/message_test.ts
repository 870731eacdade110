/**
 * The message tools on large parts, whose memory must not grow with them, and beside formail where it is asked the same.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { concatBytes, latin1Bytes, utf8Bytes } from "../../core/bytes.ts";
import { MessageAlterer } from "../../tools/message/alter_message.ts";
import { fieldsOf, fieldValue, readHead } from "../../tools/message/head.ts";
import { MessageRipper } from "../../tools/message/rip_message.ts";
import { RipNames } from "../../tools/message/rip_names.ts";
import type { RipOptions } from "../../tools/message/rip_options.ts";
import { TargetFolder } from "../../tools/message/target_folder.ts";
import { MessageUnpacker } from "../../tools/message/unpack_message.ts";
import { NameGiver } from "../../tools/message/unpack_names.ts";
import { Description } from "../../tools/message/unpack_sinks.ts";

const PART_BYTES = 200 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
/** What passes before memory is looked at: the first pieces make the buffers. */
const WARM_BYTES = 32 * 1024 * 1024;
/** Growth of resident memory that is allowed: buffers, and what the collector has not taken yet. */
const GROWTH_BYTES_MAX = 40 * 1024 * 1024;
const LINE = latin1Bytes(`${"QUJD".repeat(19)}\n`);
const HEAD = latin1Bytes(
  "Content-Type: multipart/mixed; boundary=xx\n\n--xx\n\ntext\n--xx\n" +
    "Content-Type: application/x-foo; name=large\nContent-Transfer-Encoding: base64\n\n",
);

async function inFolder(run: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "indimail-message." });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Pushes a message with a part of 200 MB; gives the bytes by which memory grew at most. */
function pushLarge(push: (bytes: Uint8Array) => void): number {
  const lines = concatBytes(...Array.from({ length: Math.floor(PIECE_BYTES / LINE.length) }, () => LINE));
  let before: number | undefined;
  let growth = 0;
  push(HEAD);
  for (let sent = 0; sent < PART_BYTES; sent += lines.length) {
    push(lines);
    if (sent < WARM_BYTES) continue;
    before ??= Deno.memoryUsage().rss;
    growth = Math.max(growth, Deno.memoryUsage().rss - before);
  }
  push(latin1Bytes("--xx--\n"));
  return growth;
}

const RIP_OPTIONS: RipOptions = {
  prefix: "textfile",
  prefixGiven: false,
  headersFile: undefined,
  paranoid: false,
  nameByType: false,
  keepsNameless: true,
  overwrite: false,
  renameMethod: "infix",
  recursionMax: 20,
  links: true,
  decodes: {
    base64: true,
    quotedPrintable: true,
    uuencode: true,
    ole: true,
    tnef: true,
    mht: true,
    doubleCr: true,
    bounces: true,
  },
  fixesHeaders: true,
  charset: undefined,
};
const IGNORE = () => undefined;

Deno.test("ripmime writes a part of 200 MB in constant memory", () =>
  inFolder((path) => {
    const folder = new TargetFolder(path);
    const report = {
      file: IGNORE,
      removed: IGNORE,
      mime: IGNORE,
      warn: IGNORE,
      defect: IGNORE,
      tooDeep: IGNORE,
      checkTime: IGNORE,
    };
    const names = new RipNames(folder, RIP_OPTIONS);
    const ripper = new MessageRipper({
      folder,
      names,
      options: RIP_OPTIONS,
      report,
      charset: undefined,
      headers: undefined,
    });
    const growth = pushLarge((bytes) => ripper.push(bytes));
    ripper.finish();
    assert(Deno.statSync(`${path}/large`).size > PART_BYTES * 0.73);
    assert(growth < GROWTH_BYTES_MAX, `memory grew by ${growth} bytes`);
  }));

Deno.test("munpack writes a part of 200 MB in constant memory", () =>
  inFolder((path) => {
    const folder = new TargetFolder(path);
    const unpacker = new MessageUnpacker({
      folder,
      names: new NameGiver(folder, { overwrite: false }),
      overwrite: false,
      replacement: "X",
      description: new Description(folder, "munpack.tmp"),
      say: IGNORE,
      warn: (text) => {
        throw new Error(text);
      },
      openStore: () => {
        throw new Error("nothing is to be kept");
      },
    }, { withText: false });
    const growth = pushLarge((bytes) => unpacker.write(bytes));
    unpacker.end();
    assert(Deno.statSync(`${path}/large`).size > PART_BYTES * 0.73);
    assertEquals(Deno.readTextFileSync(`${path}/large.desc`), "text");
    assert(growth < GROWTH_BYTES_MAX, `memory grew by ${growth} bytes`);
  }));

Deno.test("altermime passes a part of 200 MB in constant memory", () => {
  let written = 0;
  const alterer = new MessageAlterer({
    disclaimers: {
      plain: latin1Bytes("disclaimer\n"),
      html: undefined,
      base64: undefined,
      htmlToo: true,
      intoBase64: true,
      forceForBadHtml: false,
    },
    remove: undefined,
    replace: undefined,
    insertedField: undefined,
    change: undefined,
    altersSigned: false,
    intoEmbedded: false,
    searchesTexts: true,
  }, { write: (bytes) => void (written += bytes.length), tell: IGNORE });
  const growth = pushLarge((bytes) => alterer.push(bytes));
  alterer.finish();
  assert(written > PART_BYTES);
  assert(growth < GROWTH_BYTES_MAX, `memory grew by ${growth} bytes`);
});

/** Messages as they come, and some that no one sends. */
const MESSAGES = [
  "From: a@b\nSubject: one\nTo: c\nSubject: two\n three\n\nbody\nSubject: no\n",
  "subject: lower\nSUBJECT:\ttab\nX-Subject: other\n\n",
  "Subject: no body\n",
  "To: x\n\nSubject: body\n",
  "Subject:none\nReceived: by x;\n\tMon, 1 Jan 2024 00:00:00 +0000\n\n",
];

async function formail(message: string, args: readonly string[]): Promise<string> {
  const child = new Deno.Command("formail", { args: [...args], stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(latin1Bytes(message));
  await writer.close();
  return new TextDecoder("latin1").decode((await child.output()).stdout);
}

function isInstalled(program: string): boolean {
  try {
    return Deno.statSync(`/usr/bin/${program}`).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test({
  name: "822field says of a field what formail -c -x says",
  ignore: !isInstalled("formail"),
  async fn() {
    for (const message of MESSAGES) {
      for (const name of ["Subject", "Received", "To"]) {
        let given = false;
        const bytes = utf8Bytes(message);
        const head = await readHead({
          read(into) {
            if (given) return Promise.resolve(null);
            given = true;
            into.set(bytes);
            return Promise.resolve(bytes.length);
          },
        });
        const ours = fieldsOf(head.lines).filter((field) => field.name.toLowerCase() === name.toLowerCase());
        const text = ours.map((field) => `${fieldValue(field)}\n`).join("");
        // formail puts a blank for each line end within a field
        const theirs = await formail(message, ["-c", "-x", `${name}:`]);
        assertEquals(text.replace(/[ \t]+/g, " "), theirs.replace(/[ \t]+/g, " "), JSON.stringify(message));
      }
    }
  },
});
