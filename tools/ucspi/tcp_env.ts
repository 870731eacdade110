/** tcp-env: tells a program under inetd of its connection by environment variables [man tcp-env.1]. */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { isInternetName, localName, peerName } from "../../core/libc/socket.ts";
import { changedEnvironment, peerFacts } from "./peer/peer_environment.ts";
import { lazyResolver } from "./peer/lazy_resolver.ts";
import { numberOption } from "./peer/number_option.ts";

const INFO_SECONDS_DEFAULT = 30;
const SECONDS_MAX = 1_000_000;

export const applet = defineApplet({
  names: ["tcp-env"],
  section: 1,
  summary: "set variables that tell of the connection on standard input",
  role: "tool",
  dialect: "chain",
  options: {
    askInfo: { flag: "r", cancels: ["noInfo"], help: "ask the peer's ident for TCPREMOTEINFO (default)" },
    noInfo: { flag: "R", cancels: ["askInfo"], help: "do not ask ident" },
    infoTimeout: { flag: "t", value: "seconds", default: "30", help: "how long ident may take" },
  },
  operands: [{ name: "program", help: "the program and its arguments", repeat: true }],
  stopsAtOperand: true,
  description:
    `tcp-env finds out about the TCP connection that is its standard input, sets PROTO, TCPLOCALIP, TCPLOCALPORT, TCPLOCALHOST,
TCPREMOTEIP, TCPREMOTEPORT, TCPREMOTEHOST and TCPREMOTEINFO, and runs the program. When PROTO is TCP already, it looks at
nothing and runs the program.`,
  env: {
    PROTO: "TCP: everything is set already",
    DNSCACHEIP: "name servers separated by blanks, in place of /etc/resolv.conf",
  },
  examples: [{ command: "tcp-env -R qmail-smtpd", help: "in inetd.conf" }],
  seeAlso: ["tcpserver(1)"],
  source: ["[man tcp-env.1]"],
  async run(proc) {
    const { options } = proc;
    const [program = "", ...args] = proc.args;
    if (proc.env.get("PROTO") === "TCP") return proc.exec(program, args);
    const [local, remote] = [localName(0), peerName(0)];
    if (!local || !remote || !isInternetName(remote)) throw new Permanent("standard input is not a TCP connection");
    const seconds = options.infoTimeout === undefined
      ? INFO_SECONDS_DEFAULT
      : numberOption("-t", options.infoTimeout, SECONDS_MAX);
    const facts = await peerFacts(local, remote, {
      lookupHost: true,
      paranoid: false,
      lookupInfo: !options.noInfo,
      infoTimeoutMs: seconds * 1000,
      localName: undefined,
      family: "any",
      resolver: lazyResolver(proc.env.get("DNSCACHEIP")),
    });
    return proc.exec(program, args, changedEnvironment(proc.env.all(), facts.env));
  },
});
