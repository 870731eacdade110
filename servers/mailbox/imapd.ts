/**
 * imapd: one IMAP session for a user who is authenticated already, on standard input and output. The many sessions of a server
 * are served by indimail-mailboxd; this is for imaplogin, for proxies, and for a mail program that runs it itself.
 */
import { defineApplet } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { VERSION } from "../../core/version.ts";
import { serveImapSession } from "../../mail/imap/session.ts";
import { MailAccount } from "../../storage/mailbox/mail_account.ts";
import { MailStore } from "../../storage/mailbox/mail_store.ts";
import { logLine } from "./imap_service.ts";
import { NOBODY } from "./nobody.ts";
import { StdioWire } from "./stdio_wire.ts";

export const applet = defineApplet({
  names: ["imapd"],
  section: 8,
  summary: "serve a Maildir by IMAP to a user who is authenticated",
  role: "mailbox",
  dialect: "daemon",
  hosted: "serves",
  options: {},
  operands: [{ name: "maildir", help: "the user's Maildir; MAILDIR goes before it", optional: true }],
  description:
    `imapd speaks IMAP4rev1 on its standard input and output. Who starts it has authenticated the user: a login
program, a proxy, or a shell. It serves the Maildir that MAILDIR or its argument names, with the folders in it.

When IMAPLOGINTAG is set, a login program has spoken with the client so far, and imapd answers the login with that tag.
Otherwise it greets with PREAUTH.`,
  env: {
    MAILDIR: "the user's Maildir; default the argument",
    MAILDIRQUOTA: "quota of the Maildir, for example 5242880S,1000C; default none",
    AUTHENTICATED: "the user's name, for the log; default the Maildir",
    IMAPLOGINTAG: "tag of the login that is to be answered; default none",
    TCPREMOTEIP: "address of the client, for the log; default none",
    TCPREMOTEPORT: "port of the client, for the log; default 0",
    TCPLOCALHOST: "this host's name; default localhost",
  },
  files: { "maildir/indimail-index.sqlite": "cache of the folders; may be deleted at any time" },
  seeAlso: ["maildir(5)", "proxyimap(8)"],
  source: ["[man imapd.8]", "[rfc3501]"],
  async run(proc) {
    const maildir = proc.env.get("MAILDIR") ?? proc.args[0];
    if (maildir === undefined) throw new Usage("name a Maildir, or set MAILDIR");
    const user = proc.env.get("AUTHENTICATED") ?? maildir;
    const tag = proc.env.get("IMAPLOGINTAG");
    const hostName = proc.env.get("TCPLOCALHOST") || "localhost";
    const store = new MailStore({
      hostName,
      nowMs: () => proc.clock.nowMs(),
      onError: (error) => proc.log.line(`imapd: ${error instanceof Error ? error.message : String(error)}`),
    });
    const account = new MailAccount(store, { maildir, quota: proc.env.get("MAILDIRQUOTA") ?? "" });
    const text = `ip=[${proc.env.get("TCPREMOTEIP") ?? ""}], port=[${proc.env.get("TCPREMOTEPORT") ?? 0}]`;
    try {
      await serveImapSession(proc.connection ?? new StdioWire(proc.stdin, proc.stdout), {
        hostName,
        authenticator: NOBODY,
        clock: proc.clock,
        nonce: () => crypto.randomUUID(),
        plainTextAllowed: false,
        stopping: proc.stopping,
        preauthenticated: { user, account, ...(tag ? { tag } : {}) },
        serverId: { name: "IndiMail", version: VERSION },
        note: (event) => {
          const line = logLine(event, { user, text, encrypted: false });
          if (line !== undefined) proc.log.line(line);
        },
      });
    } finally {
      await store.close();
    }
  },
});
