/**
 * Passwords typed on a terminal: nothing of them is shown, they are asked for twice, a signal leaves the echo as it was, and
 * no child is given one. The terminal is a pty made by script(1).
 */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { ownCommand } from "../support/own_program.ts";

const FIRST = "New IndiMail password for ";
const SECOND = "Retype new IndiMail password: ";
const SECRET = "pa55-w0rd-n0b0dy-may-see";
const INTERRUPT = "\x03";
const STOP = "\x1a";
const END = "\x04";

/** What is typed, and the text that is waited for before it. */
type Typed = readonly [awaited: string, text: string];

function quoted(...words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** Runs a command of sh on a terminal of its own; everything that the terminal showed. */
async function onTerminal(
  command: string,
  env: Readonly<Record<string, string>>,
  typed: readonly Typed[],
): Promise<string> {
  const child = new Deno.Command("script", {
    args: ["-qfec", command, "/dev/null"],
    env: { ...env, SHELL: "/bin/sh" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  let shown = "";
  let seen = 0;
  const left = [...typed];
  for await (const bytes of child.stdout) {
    shown += new TextDecoder().decode(bytes);
    for (let next = left[0]; next && shown.indexOf(next[0], seen) >= 0; next = left[0]) {
      seen = shown.indexOf(next[0], seen) + next[0].length;
      left.shift();
      await writer.write(new TextEncoder().encode(next[1]));
    }
  }
  await writer.close().catch(() => undefined);
  await child.status;
  assertEquals(left, [], `the terminal showed ${JSON.stringify(shown)}`);
  return shown.replaceAll("\r\n", "\n");
}

/** Says what the terminal is set to, and the exit code before. */
const AFTER = `; echo "code $?"; stty -a | grep -ow -- '-\\?echo'`;

interface World {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  run(...args: readonly string[]): Promise<string>;
}

async function withWorld(work: (world: World) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "prompt-" });
  const root = `${folder}/site`;
  const env = { INDIMAIL_ROOT: root };
  try {
    await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
    await Deno.writeTextFile(`${root}/etc/indimail/control/me`, "mx.example.org\n");
    const run = async (...args: readonly string[]) => {
      const [program, ...rest] = ownCommand(...args);
      const { code, stdout, stderr } = await new Deno.Command(program, { args: rest, env, stdin: "null" }).output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout);
    };
    await work({ root, env, run });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("passwords are asked for twice and never shown, and no child, file of rows or output has them", async () => {
  await withWorld(async ({ root, env, run }) => {
    const handle = `${root}/handle`;
    const shows = `#!/bin/sh\n{ echo "$0 $*"; env; tr '\\0' ' ' </proc/$PPID/cmdline; } >>'${root}/told'\n`;
    await Deno.writeTextFile(handle, shows, { mode: 0o755 });
    const both: Typed[] = [[FIRST, `${SECRET}\n`], [SECOND, `${SECRET}\n`]];
    const commands = [
      ["vadddomain", "-h", "MD5", "example.org"],
      ["vadduser", "-h", "MD5", "ann@example.org"],
      ["vpasswd", "-v", "-h", "MD5", "ann@example.org"],
    ];
    for (const command of commands) {
      const shown = await onTerminal(quoted(...ownCommand(...command)) + AFTER, { ...env, POST_HANDLE: handle }, both);
      assertEquals(shown.includes(SECRET), false, shown);
      assertMatch(shown, /^code 0\necho$/m);
    }
    const told = await Deno.readTextFile(`${root}/told`);
    assertMatch(told, /handle ann@example\.org/);
    assertEquals(told.includes(SECRET), false, told);
    assertMatch(await run("vuserinfo", "-p", "ann@example.org"), /^\$1\$\S+ \(MD5\)\n$/);
  });
});

Deno.test("a post handle is given the address and not the password, wherever the password came from", async () => {
  await withWorld(async ({ root, env, run }) => {
    await run("vadddomain", "-h", "MD5", "example.org", "secret");
    const handle = `${root}/handle`;
    await Deno.writeTextFile(handle, `#!/bin/sh\n{ echo "$0 $*"; env; cat; } >>'${root}/told'\n`, { mode: 0o755 });
    const handled = { ...env, POST_HANDLE: handle };
    await Deno.writeTextFile(`${root}/users.csv`, `bulk@example.org,${SECRET}\n`);
    for (
      const args of [
        ["vadduser", "-h", "MD5", "one@example.org", SECRET],
        ["vpasswd", "-h", "MD5", "one@example.org", SECRET],
        ["vadduser", "-h", "MD5", "--csv", `${root}/users.csv`],
        ["vadddomain", "-h", "MD5", "example.net", SECRET],
      ]
    ) {
      const [program, ...rest] = ownCommand(...args);
      const ended = await new Deno.Command(program, { args: rest, env: handled, stdin: "null" }).output();
      const output = new TextDecoder().decode(ended.stdout) + new TextDecoder().decode(ended.stderr);
      assertEquals([ended.code, output.includes(SECRET)], [0, false], output);
    }
    const told = await Deno.readTextFile(`${root}/told`);
    assertEquals(told.match(/handle .*/g), [
      "handle one@example.org",
      "handle one@example.org",
      "handle bulk@example.org",
      "handle example.net",
    ]);
    assertEquals(told.includes(SECRET), false, told);
  });
});

Deno.test("passwords that differ, are empty or do not come are refused, and change nothing", async () => {
  await withWorld(async ({ env, run }) => {
    await run("vadddomain", "-h", "MD5", "example.org", "secret");
    const before = await run("vuserinfo", "-p", "postmaster@example.org");
    const command = quoted(...ownCommand("vpasswd", "postmaster@example.org")) + AFTER;
    const differ = await onTerminal(command, env, [[FIRST, "one\n"], [SECOND, "other\n"]]);
    assertMatch(differ, /^vpasswd: fatal: passwords do not match\ncode 1\necho$/m);
    const empty = await onTerminal(command, env, [[FIRST, "\n"], [SECOND, "\n"]]);
    assertMatch(empty, /^vpasswd: fatal: the password is empty\ncode 1\necho$/m);
    const ended = await onTerminal(command, env, [[FIRST, END]]);
    assertMatch(ended, /vpasswd: fatal: no password was typed\ncode 1\necho$/m);
    assertEquals(await run("vuserinfo", "-p", "postmaster@example.org"), before);
  });
});

Deno.test("an interrupt at either question ends the program, and the terminal echoes again", async () => {
  await withWorld(async ({ env, run }) => {
    await run("vadddomain", "-h", "MD5", "example.org", "secret");
    const command = `trap : INT; ${quoted(...ownCommand("vpasswd", "postmaster@example.org"))}${AFTER}`;
    for (const typed of [[[FIRST, INTERRUPT]], [[FIRST, "one\n"], [SECOND, INTERRUPT]]] satisfies Typed[][]) {
      const shown = await onTerminal(command, env, typed);
      assertMatch(shown, /code 130\necho$/m); // ended by SIGINT, as sh tells it
    }
  });
});

Deno.test("a program that is stopped at a question leaves the echo, and asks again when it goes on", async () => {
  await withWorld(async ({ env, run }) => {
    await run("vadddomain", "-h", "MD5", "example.org", "secret");
    const program = quoted(...ownCommand("vpasswd", "-h", "MD5", "postmaster@example.org"));
    const settings = "stty -a | grep -ow -- '-\\?echo'";
    const command = `set -m; ${program}; echo "while stopped"; ${settings}; fg${AFTER}`;
    const shown = await onTerminal(command, env, [[FIRST, STOP], [FIRST, `${SECRET}\n`], [SECOND, `${SECRET}\n`]]);
    assertMatch(shown, /while stopped\necho$/m);
    assertMatch(shown, /^code 0\necho$/m);
    assertEquals(shown.includes(SECRET), false, shown);
  });
});
