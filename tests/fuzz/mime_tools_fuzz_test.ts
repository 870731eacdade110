/**
 * Hostile messages at ripmime, munpack, altermime and the 822 views: nothing crashes, nothing is written outside of the target
 * folder, altermime gives back what it was not told to change. Messages are made from seeds; FUZZ_ROUNDS and FUZZ_SEED
 * change how many and which.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { campaignRounds } from "../support/campaign.ts";
import { concatBytes, equalBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import { type Alterations, MessageAlterer } from "../../tools/message/alter_message.ts";
import { fieldsOf, readHead } from "../../tools/message/head.ts";
import { headView } from "../../tools/message/head_view.ts";
import { PartStore } from "../../tools/message/part_store.ts";
import { receivedView } from "../../tools/message/received_view.ts";
import { MailboxRipper, MessageRipper } from "../../tools/message/rip_message.ts";
import { RipNames } from "../../tools/message/rip_names.ts";
import type { RipOptions } from "../../tools/message/rip_options.ts";
import { TargetFolder } from "../../tools/message/target_folder.ts";
import { MessageUnpacker } from "../../tools/message/unpack_message.ts";
import { NameGiver } from "../../tools/message/unpack_names.ts";
import { Description } from "../../tools/message/unpack_sinks.ts";

const ROUNDS = Number(Deno.env.get("FUZZ_ROUNDS") ?? campaignRounds({ gate: 150, long: 20_000 }));
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_261_123);

type Random = (below: number) => number;

function randomSource(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)]!;
}

/** Names that want to be somewhere else, or nothing that a file can be called. */
const NAMES = [
  "../../outside",
  "/etc/passwd",
  "..",
  ".",
  "",
  "a\0b",
  "~/x",
  "~root/.ssh/authorized_keys",
  "..\\..\\x",
  "c:\\windows\\x.exe",
  "link/x",
  "file-link",
  "folder",
  "a/../../b",
  "x/..",
  "\xff\xfe\x80",
  "f\xc3\xbcr",
  "a".repeat(5000),
  "a/".repeat(300),
  "-rf",
  "$(touch x)",
  "`id`",
  " ",
  "\n",
  "x.mht",
  "winmail.dat",
  "=?utf-8?B?Li4vLi4vb3V0c2lkZQ==?=",
  "=?utf-8?Q?=2E=2E=2F=00x?=",
  "_headers_",
  "textfile0",
];

function nameParameter(random: Random, parameter: string): string {
  const name = pick(random, NAMES);
  switch (random(5)) {
    case 0:
      return `; ${parameter}*=utf-8''${encodeURIComponent(new TextDecoder("latin1").decode(latin1Bytes(name)))}`;
    case 1:
      return `; ${parameter}*0="${name.slice(0, 3)}"; ${parameter}*1="${name.slice(3)}"`;
    case 2:
      return `; ${parameter}=${name}`;
    default:
      return `; ${parameter}="${name}"`;
  }
}

const TYPES = [
  "text/plain",
  "text/html",
  "application/octet-stream",
  "message/rfc822",
  "message/partial; id=x; number=1; total=2",
  'message/partial; id="../../y"; number=2; total=2',
  "message/partial; id=x; number=-1",
  "multipart/signed",
  "multipart/appledouble",
  "application/ms-tnef",
  "x",
  "",
];
const ENCODINGS = ["7bit", "base64", "quoted-printable", "x-uuencode", "binary", "x-unknown", "base64 (x)"];
const TNEF =
  "\x78\x9f\x3e\x22\x01\x00\x02\x02\x90\x06\x00\x01\x00\x00\x00\x00\x00\x00\x02\x10\x80\x01\x00\x0b\x00\x00\x00";
const OLE = `\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1${"\0".repeat(22)}\x09\0${"\x01\0\0\0".repeat(150)}`;
const BODIES = [
  "",
  "text\n",
  "<html><body>x</BoDy></html>\n",
  "QUJD\n",
  "=3D=\n=XX=",
  "begin 644 ../../outside\n#86)C\n`\nend\n",
  "begin 644 folder/../../x\nM\nend",
  "Content-Type: text/plain\n\n".repeat(200),
  "Subject: a\nFrom: b\nContent-Type: application/x; name=../z\n\nx\n",
  "--b0\n--b1\n--b0--\n",
  TNEF + "../../outside\0\0",
  OLE,
  "\0".repeat(300),
  "A".repeat(3000),
  "\r\r\n\r\r",
];

/** A message of parts in parts, broken here and there. */
function hostileMessage(random: Random, depth = 0): string {
  const fields: string[] = [];
  if (random(3) > 0) fields.push(`Subject: ${pick(random, ["x", "foo.gif (1/2)", "a\r\rb", "=?utf-8?Q?=?="])}`);
  const boundary = `b${random(3)}`;
  const isMultipart = depth < 6 && random(3) === 0;
  const type = isMultipart
    ? `multipart/${pick(random, ["mixed", "digest", "signed"])}; boundary=${boundary}`
    : pick(random, TYPES);
  fields.push(`Content-Type: ${type}${random(2) === 0 ? nameParameter(random, "name") : ""}`);
  if (random(2) === 0) fields.push(`Content-Disposition: attachment${nameParameter(random, "filename")}`);
  if (random(2) === 0) fields.push(`Content-Transfer-Encoding: ${pick(random, ENCODINGS)}`);
  if (random(8) === 0) fields.push(pick(random, ["no field", ": x", "A:\0", "From x", "\t"]));
  let body = pick(random, BODIES);
  if (isMultipart) {
    body = "preamble\n";
    for (let count = random(4) + 1; count > 0; count--) body += `--${boundary}\n${hostileMessage(random, depth + 1)}\n`;
    if (random(3) > 0) body += `--${boundary}--\nepilogue\n`;
  } else if (type === "message/rfc822" && depth < 6) body = hostileMessage(random, depth + 1);
  const message = `${fields.join("\n")}\n${random(9) === 0 ? "" : "\n"}${body}`;
  const ended = random(4) === 0 ? message.replaceAll("\n", "\r\n") : message;
  return random(10) === 0 ? ended.slice(0, random(ended.length + 1)) : ended;
}

/** Pieces of random sizes. */
function* piecesOf(message: string, random: Random): Generator<Uint8Array> {
  const bytes = latin1Bytes(message);
  for (let at = 0; at < bytes.length;) {
    const to = Math.min(bytes.length, at + 1 + random(random(2) === 0 ? 20 : 2000));
    yield bytes.slice(at, to);
    at = to;
  }
}

/** Everything below a folder by path, links as such. */
function filesBelow(folder: string): string[] {
  const paths: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    paths.push(`${folder}/${name}`);
    if (isDirectory) paths.push(...filesBelow(`${folder}/${name}`));
  }
  return paths.sort();
}

/** Runs with a target folder that has traps in it; afterwards nothing may have changed around it. */
function inTrappedFolder(run: (folder: TargetFolder, base: string) => void): void {
  const base = Deno.makeTempDirSync({ prefix: "indimail-mime-fuzz." });
  try {
    for (const name of ["target", "target/folder", "elsewhere"]) Deno.mkdirSync(`${base}/${name}`);
    Deno.writeTextFileSync(`${base}/elsewhere/file`, "untouched");
    Deno.symlinkSync("../elsewhere", `${base}/target/link`);
    Deno.symlinkSync("../elsewhere/file", `${base}/target/file-link`);
    Deno.symlinkSync("../elsewhere/new", `${base}/target/textfile1`);
    run(new TargetFolder(`${base}/target`), base);
    const around = filesBelow(base).filter((path) => !path.startsWith(`${base}/target/`) && !path.includes("/parts"));
    assertEquals(around, [`${base}/elsewhere`, `${base}/elsewhere/file`, `${base}/target`]);
    assertEquals(Deno.readTextFileSync(`${base}/elsewhere/file`), "untouched");
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

/** A refusal is an answer; anything else that is thrown is a bug. */
function refusalIsFine(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Temporary)) throw error;
  }
}

function ripOptions(random: Random): RipOptions {
  const flag = () => random(3) > 0;
  return {
    prefix: "textfile",
    prefixGiven: flag(),
    headersFile: undefined,
    paranoid: flag(),
    nameByType: flag(),
    keepsNameless: flag(),
    overwrite: flag(),
    renameMethod: pick(random, ["prefix", "infix", "postfix"]),
    recursionMax: random(20) + 1,
    links: flag(),
    decodes: {
      base64: flag(),
      quotedPrintable: flag(),
      uuencode: flag(),
      ole: flag(),
      tnef: flag(),
      mht: flag(),
      doubleCr: flag(),
      bounces: flag(),
    },
    fixesHeaders: flag(),
    charset: undefined,
  };
}

function rip(message: string, random: Random): void {
  inTrappedFolder((folder) => {
    const options = ripOptions(random);
    const ignore = () => undefined;
    const report = {
      file: ignore,
      removed: ignore,
      mime: ignore,
      warn: ignore,
      defect: ignore,
      tooDeep: ignore,
      checkTime: ignore,
    };
    const world = {
      folder,
      names: new RipNames(folder, options),
      options,
      report,
      charset: undefined,
      headers: undefined,
    };
    refusalIsFine(() => {
      const ripper = random(5) === 0 ? new MailboxRipper(world) : new MessageRipper(world);
      for (const piece of piecesOf(message, random)) ripper.push(piece);
      ripper.finish();
    });
  });
}

function unpack(message: string, random: Random): void {
  inTrappedFolder((folder, base) => {
    const overwrite = random(2) === 0;
    const world = {
      folder,
      names: new NameGiver(folder, { overwrite }),
      overwrite,
      replacement: "X",
      description: new Description(folder, "munpack.tmp"),
      say: () => undefined,
      warn: () => undefined,
      openStore: (id: string) => PartStore.open(`${base}/parts`, id),
    };
    refusalIsFine(() => {
      const unpacker = new MessageUnpacker(world, { withText: random(2) === 0 });
      for (const piece of piecesOf(message, random)) unpacker.write(piece);
      unpacker.end();
    });
    world.description.forget();
  });
}

function alter(message: string, random: Random, alterations: Partial<Alterations>): Uint8Array {
  const output: Uint8Array[] = [];
  const alterer = new MessageAlterer({
    disclaimers: undefined,
    remove: undefined,
    replace: undefined,
    insertedField: undefined,
    change: undefined,
    altersSigned: false,
    intoEmbedded: false,
    searchesTexts: true,
    ...alterations,
  }, { write: (bytes) => void output.push(bytes.slice()), tell: () => undefined });
  for (const piece of piecesOf(message, random)) alterer.push(piece);
  alterer.finish();
  return concatBytes(...output);
}

const DISCLAIMERS = {
  plain: latin1Bytes("disclaimer =\n"),
  html: undefined,
  base64: undefined,
  htmlToo: true,
  intoBase64: true,
  forceForBadHtml: true,
};

Deno.test("ripmime writes hostile messages into its folder only", () => {
  for (let round = 0; round < ROUNDS; round++) {
    const random = randomSource(SEED + round);
    rip(hostileMessage(random), random);
  }
});

Deno.test("munpack writes hostile messages into its folder only", () => {
  for (let round = 0; round < ROUNDS; round++) {
    const random = randomSource(SEED * 3 + round);
    unpack(hostileMessage(random), random);
  }
});

Deno.test("altermime gives back what it is not told to change, and the same for any pieces", () => {
  for (let round = 0; round < ROUNDS * 4; round++) {
    const random = randomSource(SEED * 5 + round);
    const message = hostileMessage(random);
    const untouched = alter(message, random, { remove: { by: "name", pattern: /no such name/ } });
    assert(equalBytes(untouched, latin1Bytes(message)), `round ${round}: ${JSON.stringify(message)}`);
    const all: Partial<Alterations> = {
      disclaimers: DISCLAIMERS,
      remove: { by: "name", pattern: /outside|exe/ },
      insertedField: "X-A: b",
      altersSigned: random(2) === 0,
    };
    const once = latin1Text(alter(message, random, all));
    assertEquals(latin1Text(alter(message, random, all)), once, `round ${round}`);
  }
});

Deno.test("the 822 views take any header", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const random = randomSource(SEED * 7 + round);
    const words = [
      "Received: ",
      "From: ",
      "To: ",
      "Date: ",
      "\n",
      "\n ",
      "(",
      ")",
      '"',
      "<",
      ">",
      ",",
      ";",
      ":",
      "\\",
      "\xff",
      "1 Jan 2020",
    ];
    const text = Array.from({ length: random(200) }, () => pick(random, words)).join("");
    const bytes = latin1Bytes(text);
    let at = 0;
    const head = await readHead({
      read(into) {
        const count = Math.min(bytes.length - at, 1 + random(20));
        if (count === 0) return Promise.resolve(null);
        into.set(bytes.subarray(at, at += count));
        return Promise.resolve(count);
      },
    });
    const read = head.lines.join("") + latin1Text(head.ending) + latin1Text(head.rest);
    assertEquals(read, text.slice(0, read.length), `round ${round}`);
    const view = headView(fieldsOf(head.lines)) + receivedView(fieldsOf(head.lines));
    assert(/^[\n\t\b -~\x80-\xff]*$/.test(view), `round ${round}`);
  }
});

Deno.test("10,000 parts in parts end in files or a refusal", () => {
  const random = randomSource(SEED);
  const levels = Array.from(
    { length: 10_000 },
    (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\n\n--b${at}\n`,
  );
  const messages = Array.from({ length: 10_000 }, () => "From: a\nSubject: b\nContent-Type: message/rfc822\n\n");
  const fields = "Content-Type: text/plain\nA: b\n\ntext\n\n".repeat(10_000);
  const header = `\n\n${"A: b\n".repeat(50_000)}From: a\nSubject: b\n\nx\n\n${"From: ".repeat(50_000)}`;
  const nothing: Partial<Alterations> = { remove: { by: "name", pattern: /no such name/ } };
  for (const message of [levels.join(""), messages.join(""), `\n${fields}`, header]) {
    rip(message, random);
    unpack(message, random);
    assert(equalBytes(alter(message, random, nothing), latin1Bytes(message)));
  }
});
