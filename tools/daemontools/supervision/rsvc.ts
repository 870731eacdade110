/** rsvc: asks the svstatd at the other end of a connection how a service stands [man rsvc.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import { Temporary, Usage } from "../../../core/errors.ts";

/** Descriptors of tcpclient [man tcpclient.1]. */
const FROM_PEER = 6;
const TO_PEER = 7;
/** Longest answer. */
const ANSWER_BYTES_MAX = 4096;
/** Exit codes [man svstatd.8]. */
const EXITS = { up: 0, down: 1 } as const;

/** The program. */
export const applet = defineApplet({
  names: ["rsvc"],
  section: 1,
  summary: "ask another host how a service stands",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [
    { name: "folder", help: "the folder of services on that host" },
    { name: "service", help: "name of the service" },
    { name: "docker|podman", help: "the service is in a container of this kind", optional: true },
    { name: "container", help: "its id", optional: true },
  ],
  description: "rsvc runs under tcpclient and asks the svstatd there. It prints what is neither up nor down.",
  exits: { "0": "the service is up", "1": "it is down", "100": "wrong usage", "111": "there is no such answer" },
  examples: [{ command: "tcpclient -a 5 192.0.2.1 3002 rsvc /service qmail-smtpd.25", help: "ask 192.0.2.1" }],
  seeAlso: ["svstatd(8)", "tcpclient(1)", "svstat(8)"],
  source: ["[man svstatd.8]"],
  async run(proc) {
    if (proc.args.length === 3) throw new Usage("missing container");
    await proc.fd(TO_PEER).write(latin1Bytes(`${proc.args.join(" ")}\n`));
    const peer = proc.fd(FROM_PEER);
    const bytes = new Uint8Array(ANSWER_BYTES_MAX);
    let length = 0;
    while (length < bytes.length && !bytes.subarray(0, length).includes(10)) {
      const count = await peer.read(bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
    const line = latin1Text(bytes.subarray(0, length)).split("\n", 1)[0] ?? "";
    if (line.includes(": up ")) return EXITS.up;
    if (line.includes(": down ")) return EXITS.down;
    throw new Temporary(line === "" ? "no answer" : line);
  },
});
