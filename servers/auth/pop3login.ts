/**
 * pop3login: POP3 for one client on standard input and output, with logins decided by the modules of its command line, as
 * run files of Courier's kind have it [man pop3login.8] [decision 0085].
 */
import { defineApplet } from "../../core/applet.ts";
import { servePop3Session } from "../../mail/pop3/session.ts";
import { openMaildrop } from "../../storage/mailbox/pop3_maildrop.ts";
import { LOGIN_ENV, LOGIN_OPERANDS, serveLogins } from "./login_session.ts";

export const applet = defineApplet({
  names: ["pop3login"],
  section: 8,
  summary: "serve POP3 to one client, with logins by authentication modules",
  role: "tool",
  dialect: "daemon",
  hosted: "serves",
  options: {},
  stopsAtOperand: true,
  operands: [...LOGIN_OPERANDS],
  synopsis: "pop3login module... pop3d Maildir",
  description:
    "pop3login speaks POP3 on its standard input and output, as tcpserver starts it. A login goes to the modules, one after " +
    "the other: lines of service, type, user and password (or challenge and response of CRAM-MD5 and kin) on descriptor 3. The " +
    "module that lets the user in sets AUTHENTICATED, MAILDIR and MAILDIRQUOTA; that Maildir is then served here, by the same " +
    "process, as the owner of the Maildir. The last two words, the server and its Maildir, say where the modules end.\n\n" +
    "STLS is offered where there is a certificate. A process serves one client: for many, indimail-mailboxd needs " +
    "far less memory.",
  env: {
    ...LOGIN_ENV,
    POP3_TLS_REQUIRED: "if 1, passwords are taken after STLS only; from this host always",
  },
  control: ["me", "authmechanisms"],
  exits: { 0: "the client has gone", 100: "misuse", 111: "temporary trouble" },
  files: { "certs/servercert.pem": "certificate chain and key" },
  examples: [{ command: "tcpserver 0 110 pop3login authindi pop3d Maildir", help: "POP3 for virtual users" }],
  seeAlso: ["authindi(8)", "pop3d(8)", "imaplogin(8)", "indimail-mailboxd(8)"],
  source: ["[man pop3login.8]", "[man authlib.7]", "[rfc1939]", "[decision 0085]"],
  run: (proc) =>
    serveLogins(proc, {
      service: "pop3",
      tlsVariable: "POP3_TLS_REQUIRED",
      open: openMaildrop,
      serve: servePop3Session,
    }),
});
