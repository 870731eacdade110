/**
 * qmail-rspawn as a resident daemon: takes deliveries to other hosts from the queue over its socket, keeps connections,
 * and reports each.
 */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import type { DeliveryReport, DeliveryRequest } from "../../storage/queue/delivery_channel.ts";
import { type DeliveryHooks, serveDeliveries, tellDurable } from "../../storage/queue/delivery_server.ts";
import { createRemoteContext, REMOTE_CONTROL, REMOTE_ENV } from "./bind.ts";
import { deliverRemote, type RemoteContext } from "./deliver.ts";
import { singleReport } from "./outcome.ts";

const CHUNK_BYTES = 64 * 1024;

/** How a delivery to another host ended: nothing of ours is left to sync once the peer has it. */
interface RemoteOutcome {
  readonly report: DeliveryReport;
}

function remoteDeliveries(context: RemoteContext): DeliveryHooks<RemoteOutcome> {
  return {
    deliver: async (request, inlineBody) => ({ report: await deliver(context, request, inlineBody) }),
    failed: (error) => ({
      report: {
        kind: "temporary",
        text: `Sorry, something of this system failed: ${errorText(error)}. (#4.3.0)`,
      },
    }),
    done: (_outcome, token) => tellDurable([token]),
    stopping() {
      context.pool.close();
      return Promise.resolve();
    },
  };
}

async function deliver(
  context: RemoteContext,
  request: DeliveryRequest,
  inlineBody: Uint8Array,
): Promise<DeliveryReport> {
  const { body, extraHeader, sizeBytes } = request;
  const head = latin1Bytes(extraHeader);
  const outcome = await deliverRemote(context, {
    host: request.host,
    route: request.route,
    sender: request.sender,
    recipients: [request.recipient],
    sizeBytes: sizeBytes + head.length,
    async *chunks() {
      if (head.length > 0) yield head;
      if (body.kind === "inline") yield inlineBody;
      else yield* fileChunks(body.path, body.offsetBytes, sizeBytes);
    },
  });
  return singleReport(outcome);
}

async function* fileChunks(path: string, offsetBytes: number, sizeBytes: number): AsyncIterable<Uint8Array> {
  using file = await Deno.open(path);
  file.seekSync(offsetBytes, Deno.SeekMode.Start);
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let left = sizeBytes; left > 0;) {
    const count = await file.read(buffer.subarray(0, Math.min(left, CHUNK_BYTES)));
    if (count === null) throw new Temporary(`${path} is ${left} bytes shorter than it should be`);
    left -= count;
    yield buffer.subarray(0, count);
  }
}

export const applet = defineApplet({
  names: ["qmail-rspawn"],
  section: 8,
  summary: "send messages of the queue to other hosts",
  role: "remote",
  dialect: "daemon",
  daemon: true,
  options: {},
  description:
    `qmail-rspawn waits on its Unix socket for deliveries from the queue daemon and sends each message to the host
of its recipient, as qmail-remote does. A connection that has delivered stays open a few seconds for the next message.`,
  env: REMOTE_ENV,
  control: REMOTE_CONTROL,
  files: { "run/remote.socket": "where the queue daemon connects" },
  seeAlso: ["qmail-remote(8)", "qmail-send(8)"],
  source: ["[man qmail-rspawn.9]", "[spec formats 2]"],
  async run(proc) {
    const context = createRemoteContext(proc);
    proc.onSignal("SIGHUP", () => context.control.reread());
    await serveDeliveries(proc, "remote", remoteDeliveries(context));
  },
});
