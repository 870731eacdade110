/** rblsmtpd: turns away clients that DNS lists name, before an SMTP server sees them [man rblsmtpd.1]. */
import { defineApplet } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { decideOnClient } from "./block_lists.ts";
import { refuseMail } from "./refusing_smtp.ts";
import { lazyResolver } from "./peer/lazy_resolver.ts";
import { numberOption } from "./peer/number_option.ts";

const SECONDS_MAX = 86_400;
const TIMEOUT_SECONDS_DEFAULT = 60;

export const applet = defineApplet({
  names: ["rblsmtpd"],
  section: 1,
  summary: "refuse mail from clients on block lists",
  role: "tool",
  dialect: "chain",
  hosted: "chain",
  options: {
    sources: {
      flag: "r",
      value: "base[:text]",
      repeat: true,
      help:
        "a list: the client is on it when its reversed address before base has a TXT record, which is the reason; " +
        "with a text, an A record, and the text is the reason, %IP% in it the address",
    },
    exceptions: {
      flag: "a",
      value: "base",
      repeat: true,
      joins: "sources",
      help: "a list of exceptions: the client is let through when its reversed address before base has an A record",
    },
    bounce: { flag: "b", cancels: ["defer"], help: "refuse listed clients for good, with 553" },
    defer: { flag: "B", cancels: ["bounce"], help: "refuse listed clients for now, with 451 (default)" },
    closed: { flag: "c", cancels: ["open"], help: "when a list cannot be asked, refuse for now" },
    open: { flag: "C", cancels: ["closed"], help: "when a list cannot be asked, let the client through (default)" },
    timeout: { flag: "t", value: "seconds", default: "60", help: "how long a refused client may talk; 0: one line" },
    delay: { flag: "w", value: "seconds", help: "wait before going on; GREETDELAY says otherwise" },
    delayByEnv: { flag: "W", help: "wait GREETDELAY seconds before going on" },
    noDefault: { flag: "R", help: "accepted for the sake of older versions, whose default list is gone" },
  },
  operands: [{ name: "prog", help: "the SMTP server and its arguments", repeat: true }],
  stopsAtOperand: true,
  description:
    `rblsmtpd runs prog unless the client, TCPREMOTEIP, is to be refused: because RBLSMTPD says so, or because one of the lists
has it. A refused client talks to rblsmtpd itself, which refuses each recipient with the reason, and a line on standard error
tells of it. Lists are asked in the order given, until one decides.

When RBLSMTPD is set and empty, the client is let through and no list is asked. When it begins with a hyphen, the rest is the
reason, and the refusal is for good (553); otherwise all of it is the reason, and the refusal is for now (451).`,
  env: {
    RBLSMTPD: "reason to refuse this client; empty: let it through. %IP% in it is the client's address",
    TCPREMOTEIP: "address of the client",
    PROTO: "TCP6: the address is an IPv6 one",
    RBLGREETING: "name in the replies; default rblsmtpd.greeting",
    RBLEHLO: "set: answer EHLO as a server with extensions",
    GREETDELAY: "seconds to wait before going on, with -w or -W; default that of -w",
    DNSCACHEIP: "name servers separated by blanks, in place of /etc/resolv.conf",
  },
  examples: [{ command: "tcpserver -RHl0 0 25 rblsmtpd -r zen.spamhaus.org qmail-smtpd", help: "an SMTP server" }],
  seeAlso: ["tcpserver(1)", "tcprules(1)", "qmail-smtpd(8)"],
  source: ["[man rblsmtpd.1]", "[rfc5782]"],
  async run(proc) {
    const { options, env } = proc;
    const [program = "", ...args] = proc.args;
    const ip = env.get("TCPREMOTEIP") ?? "";
    await delayGreeting(proc.clock, {
      seconds: options.delay === undefined && !options.delayByEnv ? undefined : env.get("GREETDELAY") ?? options.delay,
    });
    const decision = await decideOnClient({
      ip,
      given: env.get("RBLSMTPD"),
      sources: options.sources,
      bounce: options.bounce,
      failClosed: options.closed,
      resolver: lazyResolver(env.get("DNSCACHEIP")),
    });
    if (decision.kind === "accept") return proc.exec(program, args, proc.env.all());
    proc.log.line(`rblsmtpd: ${ip} pid ${proc.pid}: ${decision.reply}`);
    await refuseMail(proc, {
      reply: decision.reply,
      greeting: env.get("RBLGREETING") ?? "rblsmtpd.greeting",
      extended: env.get("RBLEHLO") !== undefined,
      timeoutMs: 1000 *
        (options.timeout === undefined ? TIMEOUT_SECONDS_DEFAULT : numberOption("-t", options.timeout, SECONDS_MAX)),
    });
    return 0;
  },
});

async function delayGreeting(
  clock: { sleep(durationMs: number): Promise<void> },
  { seconds }: { readonly seconds: string | undefined },
): Promise<void> {
  if (seconds === undefined) return;
  if (!/^\d+$/.test(seconds)) throw new Usage(`${seconds} is not a number of seconds to wait`);
  await clock.sleep(Math.min(Number(seconds), SECONDS_MAX) * 1000);
}
