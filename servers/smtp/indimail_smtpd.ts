/** indimail-smtpd: the SMTP server with ports of its own, all sessions in one process [man qmail-smtpd.8]. */
import { defineApplet } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { tryParseListen } from "../../core/listen_address.ts";
import { bindSmtpServer } from "./bind.ts";
import { CONNECTIONS_DEFAULT, PER_HOST_DEFAULT, SmtpDaemon } from "./daemon.ts";
import { SMTPD_CONTROL, SMTPD_ENV } from "./settings.ts";

/** The program. */
export const applet = defineApplet({
  names: ["indimail-smtpd"],
  section: 8,
  summary: "receive mail by SMTP, submission and SMTPS on ports of its own",
  role: "network",
  dialect: "daemon",
  daemon: true,
  options: {
    shared: { flag: "r", help: "other processes listen on the same ports, the kernel shares out the connections" },
  },
  operands: [{
    name: "service=host:port",
    help: "where to listen: smtp takes mail for our domains, submission (STARTTLS) and smtps (TLS at once) from users",
    repeat: true,
  }],
  description:
    "indimail-smtpd serves many SMTP sessions in one process. It behaves as qmail-smtpd does, whose control files and " +
    "environment variables it reads, and needs no tcpserver. It writes no file: recipients and logins are asked from the " +
    "lookup daemon, messages go to the queue daemon, and 250 is said when the message is durable there.\n\n" +
    "Services submission and smtps take mail only from users who have logged in. AUTH is offered under TLS, and in plain " +
    "text to clients on this host (SECURE_AUTH changes that).\n\n" +
    "HUP rereads the control files; changed certificates are seen by themselves. TERM ends idle sessions with 421 and lets " +
    "messages that are being received end within 10 seconds.",
  env: {
    ...SMTPD_ENV,
    MAXPERIP: `sessions of one address, 0 for no limit; default ${PER_HOST_DEFAULT}, clients on this host have none`,
  },
  control: [...SMTPD_CONTROL, "concurrencyincoming"],
  files: {
    "certs/servercert.pem": "certificate chain and key",
    "certs/NAME.pem": "the same for clients that ask for the host NAME",
  },
  examples: [{
    command: "indimail-smtpd smtp=0.0.0.0:25 submission=0.0.0.0:587 smtps=0.0.0.0:465",
    help: "the usual ports",
  }],
  seeAlso: ["qmail-smtpd(8)", "inlookup(8)", "qmail-send(8)"],
  source: ["[man qmail-smtpd.9]", "[rfc5321]", "[rfc6409]", "[rfc8314 3.3]"],
  async run(proc) {
    const addresses = proc.args.map((operand) => {
      const address = tryParseListen(operand);
      if (!address) throw new Usage(`${operand} is not of the form service=host:port`);
      return address;
    });
    const bound = bindSmtpServer(proc);
    const perHost = Number(proc.env.get("MAXPERIP") || PER_HOST_DEFAULT);
    if (!Number.isInteger(perHost) || perHost < 0) throw new Usage("MAXPERIP is not a number");
    const daemon = new SmtpDaemon(bound.server, {
      addresses,
      connectionsMax: bound.control.number("concurrencyincoming", CONNECTIONS_DEFAULT),
      perHostMax: perHost,
      reusePort: proc.options.shared,
    });
    proc.onSignal("SIGHUP", () => bound.reread());
    const ports = daemon.ports.map(({ service, port }) => `${service} ${port}`).join(", ");
    proc.log.line(`${proc.name}: pid ${proc.pid} ready on ${ports}`);
    if (!proc.stopping.aborted) {
      await new Promise<void>((resolve) => proc.stopping.addEventListener("abort", () => resolve(), { once: true }));
    }
    await daemon.stop();
    bound.close();
  },
});
