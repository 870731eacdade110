/**
 * imaplogin: IMAP for one client on standard input and output, with logins decided by the modules of its command line, as
 * run files of Courier's kind have it [man imaplogin.8] [decision 0085].
 */
import { defineApplet } from "../../core/applet.ts";
import { VERSION } from "../../core/version.ts";
import { serveImapSession } from "../../mail/imap/session.ts";
import { MailAccount } from "../../storage/mailbox/mail_account.ts";
import { LOGIN_ENV, LOGIN_OPERANDS, serveLogins } from "./login_session.ts";

export const applet = defineApplet({
  names: ["imaplogin"],
  section: 8,
  summary: "serve IMAP to one client, with logins by authentication modules",
  role: "tool",
  dialect: "daemon",
  hosted: "serves",
  options: {},
  stopsAtOperand: true,
  operands: [...LOGIN_OPERANDS],
  synopsis: "imaplogin module... imapd Maildir",
  description:
    "imaplogin speaks IMAP on its standard input and output, as tcpserver starts it. A login goes to the modules, one after " +
    "the other: lines of service, type, user and password (or challenge and response of CRAM-MD5 and kin) on descriptor 3. The " +
    "module that lets the user in sets AUTHENTICATED, MAILDIR and MAILDIRQUOTA; that Maildir is then served here, by the same " +
    "process, as the owner of the Maildir. The last two words, the server and its Maildir, say where the modules end.\n\n" +
    "STARTTLS is offered where there is a certificate. A process serves one client: for many, indimail-mailboxd needs " +
    "far less memory.",
  env: {
    ...LOGIN_ENV,
    IMAP_TLS_REQUIRED: "if 1, passwords are taken after STARTTLS only; from this host always",
  },
  control: ["me", "authmechanisms"],
  exits: { 0: "the client has gone", 100: "misuse", 111: "temporary trouble" },
  files: { "certs/servercert.pem": "certificate chain and key" },
  examples: [{ command: "tcpserver 0 143 imaplogin authindi imapd Maildir", help: "IMAP for virtual users" }],
  seeAlso: ["authindi(8)", "imapd(8)", "pop3login(8)", "indimail-mailboxd(8)"],
  source: ["[man imaplogin.8]", "[man authlib.7]", "[rfc3501]", "[decision 0085]"],
  run: (proc) =>
    serveLogins(proc, {
      service: "imap",
      tlsVariable: "IMAP_TLS_REQUIRED",
      open: (store, place) => new MailAccount(store, place),
      serve: (connection, session) =>
        serveImapSession(connection, { ...session, serverId: { name: "IndiMail", version: VERSION } }),
    }),
});
