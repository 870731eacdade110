/** qmail-smtpd: one SMTP session on standard input and output, as tcpserver starts it [man qmail-smtpd.8]. */
import { defineApplet } from "../../core/applet.ts";
import { stdioConnection } from "../../core/net/stdio_connection.ts";
import type { Proc } from "../../core/applet.ts";
import { SASL_MECHANISMS } from "../../mail/sasl/mechanisms.ts";
import { SmtpSession } from "../../mail/smtp/session.ts";
import { SmtpdBackend } from "./backend.ts";
import { serverForSession } from "./shared_server.ts";
import { SMTPD_CONTROL, SMTPD_ENV } from "./settings.ts";

/** The program. */
export const applet = defineApplet({
  names: ["qmail-smtpd"],
  section: 8,
  summary: "receive mail via SMTP on one connection",
  role: "network",
  dialect: "qmail",
  hosted: "serves",
  options: {
    features: { flag: "v", help: "print what the server offers and which control files it reads, and exit" },
  },
  operands: [
    { name: "hostname", help: "with it and a checkprogram AUTH is offered", optional: true },
    {
      name: "checkprogram",
      help: "passwords are checked by the lookup daemon, whatever is named",
      optional: true,
      repeat: true,
    },
  ],
  stopsAtOperand: true,
  description:
    "qmail-smtpd talks SMTP on standard input and output and hands what it accepts to the queue daemon. Mail is taken for " +
    "the domains of control/rcpthosts and control/morercpthosts.cdb; without rcpthosts for all. Clients with RELAYCLIENT, " +
    "those of relayclients, relaydomains and relaymailfrom, and users who have logged in send anywhere.\n\n" +
    "Recipients in our virtual domains are checked: an absent or inactive one is refused for good, one over quota for now. " +
    "With control/chkrcptdomains only those of the domains listed there are.\n\n" +
    "Lines of a message must end in CRLF; a message with a bare CR or LF is refused with 451. A message with as many " +
    "Received and Delivered-To fields as control/maxhops says is looping and is refused.",
  env: {
    ...SMTPD_ENV,
    TCPREMOTEIP: "address of the client; unknown unless set",
    TCPREMOTEPORT: "port of the client",
    TCPREMOTEHOST: "name of the client by DNS; unknown unless set",
    TCPREMOTEINFO: "what ident told of the client",
    TCPLOCALIP: "address of this host",
    TCPLOCALPORT: "port of this host",
    STARTTLS: "STARTTLS is offered",
    SMTPS: "when not empty, TLS begins at once",
  },
  control: SMTPD_CONTROL,
  files: { "certs/servercert.pem": "certificate chain and key" },
  examples: [{ command: "tcpserver -v 0 25 qmail-smtpd", help: "the original's way to serve a port" }],
  seeAlso: ["indimail-smtpd(8)", "tcpserver(1)", "qmail-control(5)", "tcp-environ(5)"],
  source: ["[man qmail-smtpd.9]", "[rfc5321]"],
  async run(proc) {
    if (proc.options.features) return await printFeatures(proc);
    const bound = serverForSession(proc);
    const connection = proc.connection ?? stdioConnection(proc);
    const offersTls = proc.env.get("STARTTLS") !== undefined || Boolean(proc.env.get("SMTPS"));
    const server = offersTls ? bound.server : { ...bound.server, certificates: undefined };
    try {
      if (proc.env.get("SMTPS") && bound.server.certificates && connection.startTls) {
        await connection.startTls(bound.server.certificates);
      }
      const backend = new SmtpdBackend(server, connection, {
        remoteHost: proc.env.get("TCPREMOTEHOST"),
        remoteInfo: proc.env.get("TCPREMOTEINFO"),
        submission: false,
        offersAuth: proc.args.length > 1,
      });
      await serve(proc, new SmtpSession(connection, backend));
    } finally {
      connection.close();
      bound.close();
    }
  },
});

async function serve(proc: Proc, session: SmtpSession): Promise<void> {
  const stop = () => session.stop();
  if (proc.stopping.aborted) stop();
  proc.stopping.addEventListener("abort", stop, { once: true });
  try {
    await session.run();
  } finally {
    proc.stopping.removeEventListener("abort", stop);
  }
}

async function printFeatures(proc: Proc): Promise<void> {
  const lines = [
    "SMTP: PIPELINING 8BITMIME SIZE ENHANCEDSTATUSCODES STARTTLS AUTH HELP VRFY",
    `AUTH: ${SASL_MECHANISMS.join(" ")}`,
    `control files: ${SMTPD_CONTROL.join(" ")}`,
    `environment: ${Object.keys(SMTPD_ENV).join(" ")}`,
  ];
  await proc.stdout.write(new TextEncoder().encode(`${lines.join("\n")}\n`));
}
