/**
 * The codecs of aliases and lists against Debian's fastforward and dot-forward, which are of the same author as the
 * original: the same bytes for made-up tables, lists and .forward files, and a refusal where theirs refuse.
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { aliasRecords, includeEntries, logicalLines } from "../../tools/aliases/alias_text.ts";
import { ForwardReader } from "../../tools/aliases/forward_text.ts";
import { writeRecords } from "../../tools/aliases/write_file.ts";
import { parseForwardFile } from "../../tools/forwarding/forward_file.ts";
import { assertEquals } from "../support/assert.ts";

/** What they use without control files, with a dot in it since ours is told the same. */
const DEFAULTS = { defaultHost: "me", defaultDomain: "me", plusDomain: "me" };
/** An address with nothing behind its @: theirs gets a dot there, ours control/defaulthost. */
const NO_HOST = /@\.me(?:\0|\n)/;
const ROUNDS = 400;
const SEED = 20_261_123;

function isInstalled(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const missing = ["/usr/bin/setforward", "/usr/bin/newinclude", "/usr/bin/dot-forward", "/usr/sbin/qmail-newaliases"]
  .filter((path) => !isInstalled(path));
if (missing.length > 0) console.error(`SKIPPED: comparison with ${missing.join(", ")}, which are not installed`);
const ignore = missing.length > 0;

/** Numbers that are the same at each run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

function madeText(next: (below: number) => number, pieces: readonly string[], most: number): string {
  return Array.from({ length: next(most) }, () => pieces[next(pieces.length)]).join("");
}

async function run(
  program: string,
  args: readonly string[],
  options: { cwd: string; stdin?: string; env?: Record<string, string> },
) {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: options.cwd,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(options.env ? { env: options.env } : {}),
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(latin1Bytes(options.stdin)).then(() => writer.close()).catch(() => undefined); // it may refuse early
  }
  const { code, stderr } = await child.output();
  return { code, stderr: latin1Text(stderr) };
}

/** What `make` gives, or "refused". */
async function orRefused<T>(make: () => Promise<T> | T): Promise<T | "refused"> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof Permanent || error instanceof Temporary) return "refused";
    throw error;
  }
}

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "fastforward-test." });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const ADDRESS_PIECES = [
  "a",
  "bob",
  "@",
  "h.test",
  "x+",
  ".",
  ",",
  " ",
  "\t",
  "(c)",
  "(a(b)c)",
  "<",
  ">",
  '"q r"',
  '"\\""',
  "\\",
  "[1.2]",
  ":",
  ";",
  "|p",
  "/f",
  "\xe9",
  "(",
  ")",
  '"',
  "[",
  "]",
];

Deno.test({ name: "setforward's databases are Debian's, byte for byte", ignore }, () =>
  inFolder(async (folder) => {
    const next = random(SEED);
    const pieces = [
      "a@b",
      "C@d.test",
      ":",
      ": ",
      ",",
      ";",
      ";\n",
      "\n",
      " ",
      "#x\n",
      "\\",
      "\\,",
      "|p",
      "!q",
      "./l",
      "?o@p",
      "&r@s",
      "@t:",
      "u@: v;",
      "\xe9",
    ];
    for (let round = 0; round < ROUNDS; round++) {
      const text = madeText(next, pieces, 30) + (next(2) === 0 ? ";" : "");
      const theirs = await run("setforward", ["a.cdb", "a.tmp"], { cwd: folder, stdin: text });
      const ours = await orRefused(async () => {
        const reader = new ForwardReader();
        const records = [...reader.read(text)];
        reader.end();
        await writeRecords({ path: `${folder}/b.cdb`, temporary: `${folder}/b.tmp` }, [records]);
        return Deno.readFileSync(`${folder}/b.cdb`);
      });
      const what = `seed ${SEED}, round ${round}: ${JSON.stringify(text)}`;
      assertEquals(ours === "refused", theirs.code !== 0, what);
      if (ours !== "refused") assertEquals(ours, Deno.readFileSync(`${folder}/a.cdb`), what);
    }
  }));

Deno.test({ name: "newinclude reads addresses as Debian's does", ignore }, () =>
  inFolder(async (folder) => {
    const next = random(SEED);
    for (let round = 0; round < ROUNDS; round++) {
      const line = madeText(next, ADDRESS_PIECES, 10);
      await Deno.writeFile(`${folder}/list`, latin1Bytes(`${line}\n`));
      const theirs = await run("newinclude", ["list"], { cwd: folder });
      const ours = await orRefused(() => includeEntries({ text: line, lineNumber: 1 }, "list", DEFAULTS));
      const what = `seed ${SEED}, round ${round}: ${JSON.stringify(line)}`;
      assertEquals(ours === "refused", theirs.code !== 0, `${what} ${theirs.stderr}`);
      if (ours === "refused") continue;
      const list = latin1Text(Deno.readFileSync(`${folder}/list.bin`));
      if (!NO_HOST.test(list)) assertEquals(ours, list, what);
    }
  }));

Deno.test({ name: "dot-forward reads instructions as Debian's does", ignore }, () =>
  inFolder(async (folder) => {
    const next = random(SEED);
    const env = { USER: "bob", HOST: "h.test" };
    const owner = { user: "bob", host: "h.test" };
    for (let round = 0; round < ROUNDS; round++) {
      const line = madeText(next, ADDRESS_PIECES.filter((piece) => piece !== ":"), 10);
      if (line.endsWith("\\")) continue; // theirs makes an address of the line end
      await Deno.writeFile(`${folder}/f`, latin1Bytes(`# c\n${line}\n`));
      const theirs = await run("dot-forward", ["-n", "f"], { cwd: folder, env });
      const ours = await orRefused(() => parseForwardFile(`# c\n${line}\n`, { path: "f", owner, defaults: DEFAULTS }));
      const what = `seed ${SEED}, round ${round}: ${JSON.stringify(line)} ${theirs.stderr}`;
      assertEquals(ours === "refused", theirs.code === 111, what);
      if (ours === "refused") continue;
      const lines = ours.flatMap((one) =>
        one.kind === "direct" ? [] : [one.kind === "forward" ? `forward ${one.address}` : `pipe through ${one.command}`]
      );
      const shown = theirs.stderr.split("\n").filter((text) => /^(?:forward|pipe) /.test(text));
      if (!NO_HOST.test(theirs.stderr)) assertEquals(lines, shown, what);
    }
  }));

Deno.test(
  { name: "newaliases makes Debian's qmail-newaliases' database, byte for byte", ignore },
  () =>
    inFolder(async (folder) => {
      if (Deno.uid() !== 0) {
        return console.error("SKIPPED: qmail-newaliases reads /etc/aliases: only root can give it another");
      }
      const text = [
        "# comment\n  more of it\n odd: start\n",
        'root: alice, "Bob Q" Smith <bob@Far>\n\n  , "|weather \'server\'" (the program), sue@x+\n',
        "owner-Staff: boss\nstaff: :include:/lists/staff, :include: sub, joe@y.test\n@wild.test: w@far.test\n",
        '"two x"@in.test: one@[1.2.3.4], <@r1,@r2:three@x.y>; a.b . c @ d . e f\n',
        "LAST: \xe9@x.test\n",
      ].join("");
      await Deno.writeFile(`${folder}/aliases`, latin1Bytes(text));
      const script = `mount --bind '${folder}' /etc && exec qmail-newaliases`;
      const theirs = await run("unshare", ["-m", "/bin/sh", "-c", script], { cwd: "/" });
      assertEquals(theirs.code, 0, theirs.stderr);
      const batches = logicalLines(text).map((line) => aliasRecords(line, "aliases", DEFAULTS));
      await writeRecords({ path: `${folder}/ours.cdb`, temporary: `${folder}/ours.tmp` }, batches);
      assertEquals(Deno.readFileSync(`${folder}/ours.cdb`), Deno.readFileSync(`${folder}/aliases.cdb`));
    }),
);
