/** Sends messages to a server under test, tolerant of its death: says what was accepted and what is not known. */
import { connectTcp } from "../../core/net/connect.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { errorText } from "../../core/errors.ts";
import { SmtpClient } from "../../mail/smtp/client.ts";

/** One message of a test. */
export interface TestMessage {
  readonly port: number;
  readonly sender: string;
  readonly recipient: string;
  readonly text: string;
}

/** "accepted": the server said 250 to it; "refused": it said something else, or never got the message. */
export type SendEnd =
  | { readonly kind: "accepted" }
  | { readonly kind: "refused"; readonly text: string }
  /** The connection was lost after the final dot: both may be true. */
  | { readonly kind: "unknown" };

/** How long a server may be silent, milliseconds. */
const SILENCE_MS = 60_000;

/** Sends one message over a connection of its own. */
export async function sendMessage(message: TestMessage): Promise<SendEnd> {
  let client: SmtpClient | undefined;
  try {
    const connection = await connectTcp({ host: "127.0.0.1", port: message.port, timeoutMs: 5000 });
    connection.setTimeout(SILENCE_MS);
    client = new SmtpClient(connection);
    const greeting = await client.greeting();
    if (greeting.code !== 220) return { kind: "refused", text: greeting.lines.join(" ") };
    await client.hello("test.example");
    const bytes = latin1Bytes(message.text);
    const replies = await client.transact({
      sender: message.sender,
      recipients: [message.recipient],
      sizeBytes: bytes.length,
      async *chunks() {
        yield await Promise.resolve(bytes);
      },
    });
    client.quit();
    if (replies.message?.code === 250) return { kind: "accepted" };
    const said = [replies.mail, ...replies.recipients, replies.data, replies.message].find((reply) =>
      reply && reply.code >= 400
    );
    return { kind: "refused", text: said?.lines.join(" ") ?? "no reply" };
  } catch (error) {
    client?.close();
    return client?.undecided ? { kind: "unknown" } : { kind: "refused", text: errorText(error) };
  }
}
