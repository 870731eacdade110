/**
 * qmail-poppass: serves the poppassd dialogue, by which users change their passwords [man qmail-poppass.9]. A checkpassword
 * program checks the old password, a setpassword program (PASSWORD_COMMAND) sets the new one.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { byteText } from "../../core/byte_text.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Temporary, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { STDIO_CONNECTION_ENV, stdioConnection } from "../../core/net/stdio_connection.ts";
import { CertificateFolder } from "../../core/net/tls_server.ts";
import { plainCommandWords } from "../../mail/dotqmail/parse.ts";
import { LOGIN_BYTES_MAX } from "./checkpassword.ts";
import { PoppassSession } from "./poppass_session.ts";

/** How long a checking or setting program may take. */
const PROGRAM_TIMEOUT_MS = 60_000;

export const applet = defineApplet({
  names: ["qmail-poppass", "poppassd"],
  section: 8,
  summary: "let users change their passwords over the network",
  role: "tool",
  dialect: "daemon",
  hosted: "serves",
  options: {},
  stopsAtOperand: true,
  operands: [
    { name: "hostname", help: "name of this host, for the greeting" },
    { name: "checkprogram", help: "the checkpassword program that checks the old password" },
    { name: "argument", help: "its arguments: the programs to try next", optional: true, repeat: true },
  ],
  description:
    `qmail-poppass speaks the poppassd protocol on its standard input and output, as tcpserver starts it, on port 106:
user, pass, newpass and quit, each answered by one line, 200 and 300 when it goes on, 500 when not. The checkprogram
gets the user and the old password on descriptor 3; when it exits 0 (or 3, as vchkpass does for an account that may not
relay), the program of PASSWORD_COMMAND gets user, old and new password on descriptor 3.

A failure is answered after five seconds, and the third ends the session. starttls negotiates TLS when there is a
certificate; behind tcpserver -n the connection has TLS from the start. Every attempt is logged on standard error,
without passwords. An exit code of 111 of either program is told as a temporary failure.`,
  env: {
    ...STDIO_CONNECTION_ENV,
    PASSWORD_COMMAND: "the setpassword program with its arguments; without it nobody is served",
    CERTDIR: "folder with servercert.pem, for starttls; default that of the installation",
  },
  exits: { 0: "the client has gone", 100: "misuse", 111: "temporary trouble" },
  examples: [{
    command: 'PASSWORD_COMMAND="vsetpass /bin/false" tcpserver 0 106 qmail-poppass mail.example vchkpass /bin/false',
    help: "virtual users change their passwords",
  }],
  seeAlso: ["vsetpass(8)", "vchkpass(8)", "tcpserver(1)"],
  source: ["[man qmail-poppass.9]", "[spec formats 11]"],
  async run(proc) {
    const connection = proc.connection ?? stdioConnection(proc);
    const [hostName = "", ...checker] = proc.args;
    try {
      const setter = setterOf(proc.env.get("PASSWORD_COMMAND"));
      const certificates = new CertificateFolder({ folder: proc.env.get("CERTDIR") ?? proc.paths.certs });
      const session = new PoppassSession(connection, {
        hostName,
        tls: certificates.available() ? certificates : undefined,
        check: (user, password) => asks(proc, checker, [user, password, "", ""]),
        change: (user, passwords) => asks(proc, setter, [user, passwords.old, passwords.new]),
        sleep: (durationMs) => proc.clock.sleep(durationMs, proc.stopping),
        log: (line) => proc.log.line(`qmail-poppass: from ${connection.remote.host}: ${line}`),
      });
      await session.run();
    } catch (error) {
      if (!(error instanceof Usage)) throw error;
      await connection.write(new TextEncoder().encode(`500 ${error.message}\r\n`));
      throw error;
    } finally {
      connection.close();
    }
  },
});

/** The words of PASSWORD_COMMAND. Throws Usage when it is not set. */
function setterOf(command: string | undefined): readonly string[] {
  if (!command) throw new Usage("PASSWORD_COMMAND is not set");
  return plainCommandWords(command) ?? ["/bin/sh", "-c", command];
}

/** Whether a program says yes to the texts on its descriptor 3. Throws Temporary when it cannot tell. */
async function asks(proc: Proc, command: readonly string[], texts: readonly string[]): Promise<boolean> {
  const [program = "", ...args] = command;
  const bytes = loginBytes(texts);
  if (bytes === undefined) return false;
  const child = await proc.spawn({ program, args, fds: { 0: "null", 1: "null", 2: 2, 3: "pipe-in" } });
  const writer = child.writers.get(3);
  if (!writer) throw new Error("no pipe to the child");
  const timer = setTimeout(() => child.kill("SIGKILL"), PROGRAM_TIMEOUT_MS);
  try {
    await writer.write(bytes).catch(() => {}); // a program that does not read says so by its exit code
    writer.close();
    const { code, signal } = await child.ended;
    const { checkpassword } = EXIT_DIALECTS;
    if (signal !== 0) throw new Temporary(`${program} was killed by signal ${signal}`);
    if (code === checkpassword.temporary) throw new Temporary(`${program} has temporary trouble`);
    return code === checkpassword.ok || code === NO_RELAY;
  } finally {
    clearTimeout(timer);
    bytes.fill(0);
  }
}

/** vchkpass: right, but without the right to relay. */
const NO_RELAY = 3;

/** Texts, each ended by NUL; undefined when they hold one themselves or are too long for the interface. */
function loginBytes(texts: readonly string[]): Uint8Array | undefined {
  if (texts.some((text) => text.includes("\0"))) return undefined;
  const bytes = latin1Bytes(byteText(`${texts.join("\0")}\0`));
  return bytes.length > LOGIN_BYTES_MAX ? undefined : bytes;
}
