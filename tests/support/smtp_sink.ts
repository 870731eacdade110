/** A scripted SMTP server on a loopback port, for tests of what we send: it keeps every message it takes. */

/** A message that was taken. */
export interface SunkMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** As it came over the wire, without the final dot line. */
  readonly data: string;
}

/** How the server behaves; each hook may give another reply for a command, or "close". */
export interface SinkOptions {
  readonly extensions?: readonly string[];
  reply?(command: string, session: number): string | "close" | undefined;
}

/** A running server. */
export interface SmtpSink extends AsyncDisposable {
  readonly port: number;
  readonly messages: SunkMessage[];
  readonly commands: string[];
  readonly sessions: number;
}

/** How a connection ends under a server. */
const CONNECTION_ENDS = [Deno.errors.BadResource, Deno.errors.ConnectionReset, Deno.errors.BrokenPipe];

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** Starts a server. */
export function startSmtpSink(options: SinkOptions = {}): SmtpSink {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const messages: SunkMessage[] = [];
  const commands: string[] = [];
  const open = new Set<Deno.TcpConn>();
  let sessions = 0;
  const serve = async (socket: Deno.TcpConn, session: number) => {
    let sender = "";
    let recipients: string[] = [];
    let data: string[] | undefined;
    let text = "";
    const say = (reply: string) => socket.write(encoder.encode(`${reply}\r\n`));
    const buffer = new Uint8Array(65536);
    const greeting = options.reply?.("greeting", session) ?? "220 sink.test ESMTP";
    if (greeting === "close") return;
    await say(greeting);
    for (let count = await socket.read(buffer); count !== null; count = await socket.read(buffer)) {
      text += latin1.decode(buffer.subarray(0, count));
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (data) {
          if (line !== ".") {
            data.push(line);
            continue;
          }
          const reply = options.reply?.("message", session) ?? "250 taken";
          if (reply === "close") return;
          if (reply.startsWith("250")) {
            messages.push({
              sender,
              recipients,
              data: data.map((row) => `${row}\r\n`).join(""),
            });
          }
          data = undefined;
          recipients = [];
          await say(reply);
          continue;
        }
        commands.push(line);
        const verb = line.split(" ")[0]!.toUpperCase();
        const scripted = options.reply?.(line, session);
        if (scripted === "close") return;
        if (scripted !== undefined) {
          await say(scripted);
          continue;
        }
        if (verb === "EHLO") {
          const lines = ["sink.test", ...options.extensions ?? ["PIPELINING", "8BITMIME", "SIZE 1000000"]];
          await say(lines.map((extension, at) => `250${at === lines.length - 1 ? " " : "-"}${extension}`).join("\r\n"));
        } else if (verb === "MAIL") {
          sender = /<(.*?)>/.exec(line)![1]!;
          recipients = [];
          await say("250 sender ok");
        } else if (verb === "RCPT") {
          recipients.push(/<(.*?)>/.exec(line)![1]!);
          await say("250 recipient ok");
        } else if (verb === "DATA") {
          if (recipients.length === 0) await say("503 no recipient");
          else {
            data = [];
            await say("354 go on");
          }
        } else if (verb === "QUIT") {
          await say("221 bye");
          return;
        } else await say("250 ok");
      }
    }
  };
  const accept = async () => {
    for await (const socket of listener) {
      open.add(socket);
      serve(socket, sessions++).catch((error) => {
        if (!CONNECTION_ENDS.some((kind) => error instanceof kind)) throw error; // the client went away, or the test ends
      }).finally(() => {
        if (open.delete(socket)) socket.close();
      });
    }
  };
  const accepting = accept();
  return {
    port: listener.addr.port,
    messages,
    commands,
    get sessions() {
      return sessions;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const socket of open) if (open.delete(socket)) socket.close();
      await accepting;
      await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}
