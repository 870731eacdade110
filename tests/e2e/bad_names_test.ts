/**
 * Names that are none, given to every command about domains and users: refused with a word of why, and nothing is written,
 * neither in the installation nor beside it.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, type CommandResult, isCompiledRun } from "../support/installation.ts";

/** Commands at the same time. */
const AT_ONCE = 3;

const LONG = "x".repeat(300);
const BAD_DOMAINS = ["", "a'b", '"', "../x", "a/b", "a\nb", "ä.example", "a b", LONG, "*", "."];
const BAD_ADDRESSES = [
  "",
  "@example.org",
  "a'b@example.org",
  "../x@example.org",
  "a\nb@example.org",
  "ä@example.org",
  "a:b@example.org",
  `${LONG}@example.org`,
  "ann@../../etc",
  "ann@exa\nmple.org",
  "'; DROP TABLE indimail; --@example.org",
];
const BAD_FOLDERS = ["", "relative", "../x", "/a/../b", "/a\nb", "/a:b", `/${LONG}`];

/** Every command with each name that it must refuse. */
function attempts(): string[][] {
  const domain = BAD_DOMAINS.flatMap((name) => [
    ["vadddomain", name, "pw"],
    ["vdeldomain", name],
    ["vdominfo", name],
    ["vuserinfo", "-D", name],
  ]);
  const address = BAD_ADDRESSES.flatMap((name) => [
    ["vadduser", name, "pw"],
    ["vdeluser", name],
    ["vpasswd", name, "pw"],
    ["vuserinfo", name],
    ["vmoduser", "-q", "1m", name],
  ]);
  // the names of aliases are addresses: apostrophes and slashes are theirs
  const alias = ["", "@example.org", "a\nb@example.org", "a:b@example.org", `${LONG}@example.org`, "ann@../../etc"]
    .flatMap((name) => [
      ["valias", "-i", "bob@example.net", name],
      ...(name === "@example.org" ? [] : [["valias", "-s", name]]), // it shows all of a domain
    ]);
  const folder = BAD_FOLDERS.flatMap((name) => [
    ["vadddomain", "-d", name, "new.example", "pw"],
    ["vadddomain", "-B", name, "new.example", "pw"],
    ["vadduser", "-B", name, "new@example.org", "pw"],
  ]);
  const values = [
    ...["", "a\nb", "$(id)", "a; b", "`id`", "-x", "a'b"].map((
      text,
    ) => ["vadddomain", "-E", text, "new.example", "pw"]),
    ...["..", "a/b", "a\nb", LONG].map((text) => ["vmoduser", "-D", text, "ann@example.org"]),
    ...["a:b", "a\nb", LONG].map((text) => ["vmoduser", "-c", text, "ann@example.org"]),
    ...["", "x", "--1"].map((text) => ["vmoduser", "-q", text, "ann@example.org"]),
    ...["", "a\nb", "a\u0001b", "a b"].map((text) => ["valias", "-i", text, "new@example.org"]),
    ["vadddomain", "-u", "no such account", "new.example", "pw"],
    ["maildirmake", ""],
    ["maildirmake", "-f", "../x", "Maildir"],
  ];
  return [...domain, ...address, ...alias, ...folder, ...values];
}

/** Every path below `folder`, files with their contents; what a database writes at each opening left out. */
function contents(folder: string, into: Map<string, string> = new Map()): Map<string, string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (/sqlite-(wal|shm)$/.test(path)) continue;
    into.set(path, entry.isFile ? new TextDecoder("latin1").decode(Deno.readFileSync(path)) : "");
    if (entry.isDirectory) contents(path, into);
  }
  return into;
}

async function refusesBadNames(): Promise<void> {
  const folder = await Deno.makeTempDir();
  const cwd = `${folder}/a/b/c`;
  await Deno.mkdir(cwd, { recursive: true });
  await Deno.mkdir(`${folder}/site/etc/indimail/control`, { recursive: true });
  await Deno.writeTextFile(`${folder}/site/etc/indimail/control/me`, "mx.example.org\n");
  const env = { INDIMAIL_ROOT: `${folder}/site` };
  const run = (args: readonly string[]): Promise<CommandResult> =>
    command(Deno.env.get("INDIMAIL_BIN")!, args, { env, cwd });
  try {
    for (const made of [["vadddomain", "example.org", "secret"], ["vadduser", "ann@example.org", "secret"]]) {
      assertEquals((await run(made)).code, 0);
    }
    const before = contents(folder);
    const waiting = attempts();
    const refused = async () => {
      for (let args = waiting.pop(); args; args = waiting.pop()) {
        const { code, stdout, stderr } = await run(args);
        const told = `${JSON.stringify(args)}: exit code ${code}: ${stdout}${stderr}`;
        assert(code === 1 || code === 2 || code === 100, told);
        assertMatch(stderr, new RegExp(`^${args[0]}: fatal: \\S`), told);
        assert(!/ at (?:async )?\S+ \(|TypeError|SQL|UNIQUE/i.test(stderr.replaceAll("DROP TABLE", "")), told);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, refused));
    const after = contents(folder);
    assertEquals([...after.keys()].filter((path) => !before.has(path)), []);
    assertEquals([...before].filter(([path, text]) => after.get(path) !== text).map(([path]) => path), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (isCompiledRun) Deno.test("every command refuses names that are none, and writes nothing", refusesBadNames);
else console.error("SKIPPED: bad names are tried with the compiled executable only: these are many processes");
