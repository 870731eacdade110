/** A Maildir with messages, our programs to send it, a qmail-queue that only notes, and a QMTP server. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { NetstringReader } from "../../tools/serialmail/netstring_reader.ts";
import { command, type CommandResult } from "./installation.ts";

const FLAGS = ["run", "-A", "--no-prompt", "--unstable-net", "--unstable-worker-options"];
const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const PACKAGE_BYTES_MAX = 1024 * 1024;

/** A message of the Maildir. */
export interface SerialMessage {
  /** Its subject; messages with a lower one are older. */
  readonly number: number;
  readonly to: string;
  readonly from?: string;
  readonly ageSeconds?: number;
}

/** What a QMTP server was given. */
export interface QmtpMessage {
  /** With the byte that says which line ends it has. */
  readonly text: string;
  readonly sender: string;
  readonly recipient: string;
}

/** The surroundings of a test. */
export class SerialWorld implements AsyncDisposable {
  readonly folder: string;
  readonly maildir: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.maildir = `${folder}/Maildir`;
  }

  /** Makes an empty Maildir and control files. */
  static async make(): Promise<SerialWorld> {
    const world = new SerialWorld(await Deno.makeTempDir({ prefix: "indimail-serial." }));
    for (const part of ["tmp", "new", "cur"]) await Deno.mkdir(`${world.maildir}/${part}`, { recursive: true });
    await Deno.mkdir(`${world.folder}/control`);
    await Deno.writeTextFile(`${world.folder}/control/me`, "me.test\n");
    return world;
  }

  /** Puts a message into new/. */
  async addMessage({ number, to, from = "sender@sender.test", ageSeconds = 60 }: SerialMessage): Promise<void> {
    const path = `${this.maildir}/new/1700000000.${number}`;
    await Deno.writeTextFile(path, `Return-Path: <${from}>\nDelivered-To: ${to}\nSubject: ${number}\n\n.dot\nbody\n`);
    const atSeconds = Date.now() / 1000 - ageSeconds + number / 1000;
    await Deno.utime(path, atSeconds, atSeconds);
  }

  /** Subjects of what is in the Maildir. */
  subjects(): string[] {
    const names = [...Deno.readDirSync(`${this.maildir}/new`)].map(({ name }) => name);
    return names.map((name) => /Subject: (\d+)/.exec(Deno.readTextFileSync(`${this.maildir}/new/${name}`))![1]!)
      .toSorted();
  }

  /** True when the folder holds that file. */
  has(name: string): boolean {
    return [...Deno.readDirSync(this.folder)].some((entry) => entry.name === name);
  }

  /** The command of a program of ours. */
  ours(name: string): string[] {
    return [Deno.execPath(), ...FLAGS, MAIN, name];
  }

  #env(more: Readonly<Record<string, string>>): Record<string, string> {
    return { CONTROLDIR: `${this.folder}/control`, SKIP_LOCAL_ENVIRONMENT: "1", ...more };
  }

  /** Runs a program of ours to its end. */
  async run(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
    const [program = "", ...rest] = this.ours(name);
    return await command(program, [...rest, ...args], { env: this.#env(env) });
  }

  /** Starts a program of ours. */
  spawn(name: string, args: readonly string[]): Deno.ChildProcess {
    const [program = "", ...rest] = this.ours(name);
    const output = { stdin: "null", stdout: "null", stderr: "null" } as const;
    return new Deno.Command(program, { args: [...rest, ...args], env: this.#env({}), ...output }).spawn();
  }

  /** A qmail-queue that keeps what it reads and exits with a code. */
  async fakeQueue(code: number) {
    const path = `${this.folder}/queue-${code}`;
    const script = `#!/bin/sh\ncat >${this.folder}/message.$$; cat <&1 >${this.folder}/envelope.$$; exit ${code}\n`;
    await Deno.writeTextFile(path, script, { mode: 0o755 });
    const texts = (kind: string) =>
      [...Deno.readDirSync(this.folder)].filter(({ name }) => name.startsWith(`${kind}.`))
        .map(({ name }) => Deno.readTextFileSync(`${this.folder}/${name}`));
    return { env: { QMAILQUEUE: path }, messages: () => texts("message"), envelopes: () => texts("envelope") };
  }

  /** A QMTP server; `answer` gets a package and gives the answer to it. */
  startQmtp(answer: (sender: string, recipient: string) => string) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const messages: QmtpMessage[] = [];
    const serve = async (socket: Deno.TcpConn) => {
      const packages = new NetstringReader({ read: (into) => socket.read(into) }, PACKAGE_BYTES_MAX);
      try {
        for (;;) {
          const text = latin1Text(await packages.next());
          const sender = latin1Text(await packages.next());
          const [, recipient = ""] = /^\d+:(.*),$/.exec(latin1Text(await packages.next())) ?? [];
          messages.push({ text, sender, recipient });
          const said = answer(sender, recipient);
          await socket.write(latin1Bytes(`${said.length}:${said},`));
        }
      } catch (error) {
        if (!/closed the connection/.test(String(error))) throw error;
      } finally {
        socket.close();
      }
    };
    const accepting = (async () => {
      for await (const socket of listener) await serve(socket);
    })();
    return {
      port: listener.addr.port,
      messages,
      async [Symbol.asyncDispose]() {
        listener.close();
        await accepting;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
