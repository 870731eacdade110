/** serialsmtp: sends files by SMTP over the connection of a UCSPI client. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { type ClientReply, replyText, SmtpClient, type TransactionReplies } from "../../mail/smtp/client.ts";
import { clientConnection, CONNECTION_ENV } from "./fd_connection.ts";
import { readNames, type Status, writeResult } from "./file_names.ts";
import { type MessageFile, openMessage } from "./message_file.ts";

/** The reply that decides: the first refusal, else that to the message. */
function deciding(replies: TransactionReplies): ClientReply {
  const [recipient] = replies.recipients;
  for (const reply of [replies.mail, recipient]) if (reply && reply.code >= 400) return reply;
  const last = replies.message ?? replies.data;
  if (!last) throw new Temporary("the server gave no reply to DATA");
  return last;
}

function statusOf(reply: ClientReply): Status {
  if (reply.code >= 500) return "D";
  return reply.code >= 200 && reply.code < 300 ? "K" : "Z";
}

async function send(client: SmtpClient, message: MessageFile, recipient: string): Promise<ClientReply> {
  return deciding(
    await client.transact({
      sender: message.envelope.sender,
      recipients: [recipient],
      sizeBytes: message.sizeBytes,
      chunks: () => message.chunks(),
    }),
  );
}

async function greet(client: SmtpClient, name: string): Promise<void> {
  const greeting = await client.greeting();
  if (greeting.code !== 220) throw new Temporary(`the server does not greet: ${replyText(greeting)}`);
  const hello = await client.hello(name);
  if (hello.code !== 250) throw new Temporary(`the server refuses the name ${name}: ${replyText(hello)}`);
}

export const applet = defineApplet({
  names: ["serialsmtp"],
  section: 1,
  summary: "send files by SMTP",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "prefix", help: "beginning of the recipients whose messages are sent; it is removed" },
    { name: "helohost", help: "full name of this host, for EHLO" },
    { name: "do-not-quit", help: "anything: the session is not ended with QUIT", optional: true },
  ],
  description:
    `serialsmtp runs under tcpclient: it reads from the server on descriptor 6 and writes to it on descriptor 7. On
standard input it reads names of files, each ended by a NUL; their first two lines, Return-Path and Delivered-To, are envelope
and are not sent.

For each file that was decided on it prints the name, a NUL, K (accepted), Z (rejected for now) or D (rejected for good), and the
server's words as a line. A file whose recipient does not begin with the prefix is passed over.`,
  env: CONNECTION_ENV,
  exits: { "111": "the connection was lost or the server refused it; files without result may be tried again" },
  examples: [{
    command: "tcpclient -RHl0 mx.example.com 25 serialsmtp '' host.example.org",
    help: "as maildirsmtp does",
  }],
  seeAlso: ["maildirsmtp(1)", "maildirserial(1)", "serialqmtp(1)", "tcpclient(1)"],
  source: ["[man serialsmtp.1]", "[rfc5321]", "[rfc2920]", "[spec formats 21]"],
  async run(proc) {
    const [prefix = "", name = "", stay] = proc.args;
    const connection = clientConnection(proc);
    const client = new SmtpClient(connection);
    await greet(client, name);
    for await (const file of readNames(proc.stdin)) {
      let message: MessageFile | undefined;
      try {
        message = openMessage(file);
      } catch (error) {
        throw new Temporary(`unable to open ${file}: ${errorText(error)}`);
      }
      if (!message) continue;
      try {
        const { sender, recipient } = message.envelope;
        if (!recipient.startsWith(prefix)) continue;
        const to = recipient.slice(prefix.length);
        const about = `MAIL from <${sender}> RCPT <${to}>, ${
          connection.remote.host && `${connection.remote.host} said: `
        }`;
        try {
          const reply = await send(client, message, to);
          await writeResult(proc.stdout, { name: file, status: statusOf(reply), text: about + replyText(reply) });
        } catch (error) {
          if (!(error instanceof Permanent)) throw error;
          await writeResult(proc.stdout, { name: file, status: "D", text: error.message });
        }
      } finally {
        message.close();
      }
    }
    if (stay !== undefined) return;
    client.quit();
    await connection.closed;
  },
});
