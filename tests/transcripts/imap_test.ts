/** Runs the IMAP transcripts of tests/transcripts/imap against the session and a store in memory (README.md has the format). */
import { assert, assertEquals } from "../support/assert.ts";
import { addMessages, MemoryAccount } from "../support/imap_memory.ts";
import { startSession, type TestSession } from "../support/imap_wire.ts";

const FOLDER = new URL("./imap/", import.meta.url);

function unescape(text: string): string {
  return text.replace(/\\(x[0-9a-f]{2}|[rn\\0])/gi, (_, code: string) => {
    if (code[0] === "x") return String.fromCharCode(parseInt(code.slice(1), 16));
    return { r: "\r", n: "\n", "\\": "\\", "0": "\0" }[code]!;
  });
}

/** A transcript that is being played. */
class Stage {
  readonly #account = new MemoryAccount();
  #plainTextAllowed = true;
  #session: TestSession | undefined;
  #heard = "";
  #waiting = "";

  /** The scene, or what happens in between. */
  change(kind: string, rest: string): boolean {
    const [name = "", ...words] = rest.split(" ");
    if (kind === "folder") this.#account.create(name);
    else if (kind === "subscribe") this.#account.subscribed.add(name);
    else if (kind === "message" || kind === "deliver") {
      addMessages(this.#account.folder(name), unescape(words.join(" ")));
    } else if (kind === "fail") this.#account.failing.add(name);
    else if (kind === "mend") this.#account.failing.delete(name);
    else if (kind === "plaintext") this.#plainTextAllowed = false;
    else return false;
    return true;
  }

  say(kind: string, said: string): void {
    this.#waiting += unescape(said.endsWith("\\c") ? said.slice(0, -2) : `${said}\\r\\n`);
    if (kind === "C*:") return;
    this.#raise().wire.send(this.#waiting);
    this.#waiting = "";
  }

  async hear(expected: string, where: string): Promise<void> {
    const session = this.#raise();
    if (expected === "closed") {
      await session.ended;
      this.#heard += session.wire.take();
      return assertEquals(this.#heard, "", where);
    }
    while (!this.#heard.includes("\r\n")) this.#heard += await session.wire.until(/\r\n/);
    const end = this.#heard.indexOf("\r\n");
    const got = this.#heard.slice(0, end);
    this.#heard = this.#heard.slice(end + 2);
    if (expected.endsWith("…")) assert(got.startsWith(expected.slice(0, -1)), `${where}\n  got: ${got}`);
    else assertEquals(got, unescape(expected), `${where}\n  got: ${got}`);
  }

  async finish(name: string): Promise<void> {
    this.#session?.wire.end();
    await this.#session?.ended;
    assertEquals(this.#heard + (this.#session?.wire.take() ?? ""), "", `${name}: more was said`);
  }

  #raise(): TestSession {
    return this.#session ??= startSession({ account: this.#account, plainTextAllowed: this.#plainTextAllowed });
  }
}

async function run(name: string, text: string): Promise<void> {
  const stage = new Stage();
  for (const [at, line] of text.split("\n").entries()) {
    const where = `${name}:${at + 1}: ${line}`;
    if (line === "" || line.startsWith("#")) continue;
    const kind = line.split(" ")[0]!;
    const rest = line.slice(kind.length + 1);
    if (kind === "C:" || kind === "C*:") stage.say(kind, rest);
    else if (kind === "S:") await stage.hear(rest, where);
    else assert(stage.change(kind, rest), `${where}: not understood`);
  }
  await stage.finish(name);
}

for (const { name } of Deno.readDirSync(FOLDER)) {
  Deno.test(`transcript imap/${name}`, async () => {
    await run(name, await Deno.readTextFile(new URL(name, FOLDER)));
  });
}
