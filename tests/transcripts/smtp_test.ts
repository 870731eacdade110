/** Runs the SMTP transcripts of tests/transcripts/smtp against the real session and backend (README.md has the format). */
import { assert, assertEquals } from "../support/assert.ts";
import { MemoryConnection } from "../support/memory_connection.ts";
import { SmtpSession } from "../../mail/smtp/session.ts";
import { SmtpdBackend } from "../../servers/smtp/backend.ts";
import { makeTestServer, type TestServer } from "../../servers/smtp/testing.ts";

const FOLDER = new URL("./smtp/", import.meta.url);

interface Scene {
  readonly control: Record<string, string>;
  readonly env: Record<string, string>;
  remote: string;
  tls: boolean;
  submission: boolean;
}

/** A running session of a transcript. */
interface Stage {
  readonly world: TestServer;
  readonly connection: MemoryConnection;
  readonly done: Promise<void>;
}

function unescape(text: string): string {
  return text.replace(/\\(x[0-9a-f]{2}|[rn\\0])/gi, (_, code: string) => {
    if (code[0] === "x") return String.fromCharCode(parseInt(code.slice(1), 16));
    return { r: "\r", n: "\n", "\\": "\\", "0": "\0" }[code]!;
  });
}

function setScene(scene: Scene, words: readonly string[], rest: string): boolean {
  const [kind = ""] = words;
  if (kind === "control") {
    const colon = rest.indexOf(":");
    scene.control[rest.slice(0, colon)] = `${unescape(rest.slice(colon + 1).trim())}\n`;
  } else if (kind === "env") {
    const equals = rest.indexOf("=");
    scene.env[rest.slice(0, equals)] = rest.slice(equals + 1);
  } else if (kind === "client") {
    scene.remote = words[1]!;
    scene.tls = words.includes("tls");
    scene.submission = words.includes("submission");
  } else return false;
  return true;
}

function raise(scene: Scene): Stage {
  const world = makeTestServer({ control: scene.control, env: scene.env });
  const connection = new MemoryConnection({ remote: { host: scene.remote, port: 4000 }, tls: scene.tls });
  const backend = new SmtpdBackend(world.server, connection, { submission: scene.submission, offersAuth: true });
  const done = new SmtpSession(connection, backend).run().then(() => connection.close());
  return { world, connection, done };
}

function changeWorld(world: TestServer, words: readonly string[], where: string): void {
  const [kind, what = "", ...more] = words;
  if (kind === "lookup") world.lookup.down = what === "down";
  else if (kind === "queue" && /^\d+$/.test(what)) {
    world.queue.refusal = { kind: "refused", code: Number(what), text: more.join(" ") };
  } else if (kind === "queue") world.queue.down = what === "down";
  else throw new Error(`${where}: not understood`);
}

/** Runs one transcript. */
async function run(name: string, text: string): Promise<void> {
  const scene: Scene = { control: {}, env: {}, remote: "198.51.100.7", tls: false, submission: false };
  let stage: Stage | undefined;
  let read = 0;
  let waiting = "";
  const queued: string[] = [];
  let nothing = false;
  try {
    for (const [at, line] of text.split("\n").entries()) {
      const where = `${name}:${at + 1}: ${line}`;
      if (line === "" || line.startsWith("#")) continue;
      const words = line.split(" ");
      if (!stage && setScene(scene, words, line.slice(words[0]!.length + 1))) continue;
      if (words[0] === "queued") queued.push(words.slice(1).join(" "));
      else if (line === "nothing queued") nothing = true;
      else if (words[0] === "C:" || words[0] === "C*:") {
        stage ??= raise(scene);
        const said = line.slice(words[0].length + 1);
        waiting += unescape(said.endsWith("\\c") ? said.slice(0, -2) : `${said}\\r\\n`);
        if (words[0] === "C*:") continue;
        await stage.connection.quiet();
        stage.connection.feed(waiting);
        waiting = "";
      } else if (words[0] === "S:") {
        stage ??= raise(scene);
        await stage.connection.quiet();
        const expected = line.slice(3);
        if (expected === "closed") {
          await stage.done;
          assertEquals(stage.connection.written.slice(read), "", where);
          continue;
        }
        const end = stage.connection.written.indexOf("\r\n", read);
        const got = end < 0 ? stage.connection.written.slice(read) : stage.connection.written.slice(read, end);
        if (expected.endsWith("…")) assert(got.startsWith(expected.slice(0, -1)), `${where}\n  got: ${got}`);
        else assertEquals(got, expected, `${where}\n  got: ${got}`);
        read = end < 0 ? stage.connection.written.length : end + 2;
      } else {
        stage ??= raise(scene);
        changeWorld(stage.world, words, where);
      }
    }
    stage?.connection.end();
    await stage?.done;
    assertEquals(stage?.connection.written.slice(read), "", `${name}: more was said`);
    const envelopes = stage?.world.queue.messages.map(({ envelope }) =>
      `<${envelope.sender}> ${envelope.recipients.join(" ")}`
    );
    if (nothing || queued.length > 0) assertEquals(envelopes, queued, `${name}: envelopes`);
  } finally {
    stage?.world.close();
  }
}

for (const { name } of Deno.readDirSync(FOLDER)) {
  if (!name.endsWith(".txt")) continue;
  const text = Deno.readTextFileSync(new URL(name, FOLDER));
  Deno.test(`transcript smtp/${name}: ${text.split("\n", 1)[0]!.replace(/^# /, "")}`, () => run(name, text));
}
