/**
 * pop3d: one POP3 session for a user who is authenticated already, on standard input and output. The many sessions of a
 * server are served by indimail-mailboxd; this is for pop3login, for proxies, and for whoever runs it by hand.
 */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Usage } from "../../core/errors.ts";
import { servePop3Session } from "../../mail/pop3/session.ts";
import { MailStore } from "../../storage/mailbox/mail_store.ts";
import { openMaildrop } from "../../storage/mailbox/pop3_maildrop.ts";
import { pop3LogLine } from "./pop3_service.ts";
import { NOBODY } from "./nobody.ts";
import { StdioWire } from "./stdio_wire.ts";

/** The program. */
export const applet = defineApplet({
  names: ["pop3d"],
  section: 8,
  summary: "serve a Maildir by POP3 to a user who is authenticated",
  role: "mailbox",
  dialect: "daemon",
  hosted: "serves",
  options: {},
  operands: [{ name: "maildir", help: "the user's Maildir; MAILDIR goes before it", optional: true }],
  description:
    "pop3d speaks POP3 on its standard input and output. Who starts it has authenticated the user: a login program, a " +
    "proxy, or a shell. It serves the messages of the Maildir that MAILDIR or its argument names, not those of its " +
    "folders. Deleted messages are removed at QUIT and not before.\n\nUnique ids are made of the message's IMAP UID and " +
    "the folder's UIDVALIDITY, as UID7-1700000000; ids that Courier's POP3 server gave (courierpop3dsizelist) are kept.",
  env: {
    MAILDIR: "the user's Maildir; default the argument",
    MAILDIRQUOTA: "quota of the Maildir, for example 5242880S,1000C; default none",
    AUTHENTICATED: "the user's name, for the log; default the Maildir",
    TCPREMOTEIP: "address of the client, for the log; default none",
    TCPREMOTEPORT: "port of the client, for the log; default 0",
    TCPLOCALHOST: "this host's name; default localhost",
  },
  files: { "maildir/indimail-index.sqlite": "cache of the folders; may be deleted at any time" },
  seeAlso: ["maildir(5)", "proxypop3(8)"],
  source: ["[man pop3d.8]", "[rfc1939]"],
  async run(proc) {
    const maildir = proc.env.get("MAILDIR") ?? proc.args[0];
    if (maildir === undefined) throw new Usage("name a Maildir, or set MAILDIR");
    const user = proc.env.get("AUTHENTICATED") ?? maildir;
    const hostName = proc.env.get("TCPLOCALHOST") || "localhost";
    const store = new MailStore({
      hostName,
      nowMs: () => proc.clock.nowMs(),
      onError: (error) => proc.log.line(`pop3d: ${errorText(error)}`),
    });
    const quota = proc.env.get("MAILDIRQUOTA") ?? "";
    const text = `ip=[${proc.env.get("TCPREMOTEIP") ?? ""}], port=[${proc.env.get("TCPREMOTEPORT") ?? 0}]`;
    try {
      await servePop3Session(proc.connection ?? new StdioWire(proc.stdin, proc.stdout), {
        hostName,
        authenticator: NOBODY,
        clock: proc.clock,
        nonce: () => crypto.randomUUID(),
        plainTextAllowed: false,
        stopping: proc.stopping,
        preauthenticated: { user, open: () => openMaildrop(store, { maildir, quota }) },
        note: (event) => proc.log.line(pop3LogLine(event, { user, text, encrypted: false })),
      });
    } finally {
      await store.close();
    }
  },
});
