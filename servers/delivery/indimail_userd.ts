/**
 * indimail-userd: the one daemon that keeps root, to deliver to system users as these users. It takes a delivery from
 * qmail-lspawn only, looks the user up itself, and starts qmail-local as that user; it reads no message and follows no
 * .qmail file. The supervisor starts it when the first such delivery comes.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { type Frame, type FrameChannel, listenChannels } from "../../core/channel.ts";
import { errorText } from "../../core/errors.ts";
import { accountByName } from "../../core/libc/account.ts";
import { socketPath } from "../../core/paths.ts";
import { DELIVERY, formatReport, parseRequest } from "../../storage/queue/delivery_channel.ts";
import { localUserSources } from "./bind.ts";
import { fileMessage, memoryMessage } from "./message.ts";
import { deferred, type DeliveryOutcome, refused } from "./outcome.ts";
import { resolveRecipient, type UserSources } from "./resolve.ts";
import { deliverAsUser } from "./user_process.ts";

/** Processes of users at the same time; qmail-lspawn waits for the others. */
const PROCESSES_MAX = 20;
/** Only the account of qmail-lspawn may connect. */
const SOCKET_MODE = 0o600;
/** How long the end waits for processes that run. */
const STOP_WAIT_MS = 20_000;

/** Serves deliveries one by one up to PROCESSES_MAX at once. */
class UserDaemon {
  readonly #proc: Proc;
  readonly #sources: UserSources;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(proc: Proc) {
    this.#proc = proc;
    this.#sources = localUserSources(proc);
  }

  serve(channel: FrameChannel): void {
    channel.send(DELIVERY.hello, PROCESSES_MAX);
    void channel.receive((frame) => this.#receive(channel, frame));
  }

  async stop(): Promise<void> {
    const end = Date.now() + STOP_WAIT_MS;
    while (this.#running > 0 && Date.now() < end) await this.#proc.clock.sleep(20);
  }

  #receive(channel: FrameChannel, frame: Frame): void {
    if (frame.type !== DELIVERY.request) return;
    const payload = frame.payload.slice(); // valid only until this returns
    this.#deliver(payload).catch((error) => deferred(`${errorText(error)} (#4.3.0)`)).then((outcome) =>
      channel.send(DELIVERY.report, frame.id, formatReport(outcome.report))
    );
  }

  async #deliver(payload: Uint8Array): Promise<DeliveryOutcome> {
    const { request, inlineBody } = parseRequest(payload);
    const recipient = resolveRecipient(this.#sources, request.recipient);
    if (recipient.uid === 0) return refused("Mail is not delivered as root. (#5.7.0)");
    if (this.#running >= PROCESSES_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return await deliverAsUser(this.#proc, this.#proc.args[0]!, {
        recipient,
        job: {
          ...request,
          message: request.body.kind === "inline"
            ? memoryMessage(inlineBody)
            : fileMessage(request.body.path, request.body.offsetBytes, request.sizeBytes),
          mayBeRepeat: true,
        },
      });
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

export const applet = defineApplet({
  names: ["indimail-userd"],
  section: 8,
  summary: "deliver to system users in processes of their own",
  role: "users",
  dialect: "daemon",
  daemon: true,
  options: {},
  operands: [{ name: "defaultdelivery", help: "instruction for users without a .qmail file, as ./Maildir/" }],
  description:
    `indimail-userd runs as root, where the other roles have accounts of their own, and starts qmail-local as the
user to whom a message goes. qmail-lspawn hands it the deliveries to system users; nobody else can connect. It is
started when the first such delivery comes, so a host with virtual domains only never runs it.`,
  env: { PATH: "where the commands of .qmail files are looked for" },
  files: {
    "run/users.socket": "where qmail-lspawn connects",
    "run/users.wanted": "made by qmail-lspawn to have it started",
  },
  seeAlso: ["qmail-lspawn(8)", "qmail-local(8)"],
  source: ["[man qmail-lspawn.9]"],
  async run(proc) {
    const daemon = new UserDaemon(proc);
    const path = socketPath(proc.paths, "users");
    const listener = listenChannels(path, { mode: SOCKET_MODE }, (channel) => daemon.serve(channel));
    const account = accountByName("indimail");
    if (account && proc.uid === 0) Deno.chownSync(path, account.uid, account.gid);
    proc.log.line("status: user daemon is ready");
    await new Promise<void>((resolve) => {
      if (proc.stopping.aborted) resolve();
      else proc.stopping.addEventListener("abort", () => resolve(), { once: true });
    });
    listener.close();
    await daemon.stop();
  },
});
