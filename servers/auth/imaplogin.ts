/**
 * imaplogin: IMAP for one client on standard input and output, with logins decided by the modules of its command line, as
 * run files of Courier's kind have it [man imaplogin.8] [decision 0085].
 */
import { defineApplet } from "../../core/applet.ts";
import { safeLogText } from "../../core/log.ts";
import { VERSION } from "../../core/version.ts";
import type { ImapLogin } from "../../mail/imap/backend.ts";
import { serveImapSession } from "../../mail/imap/session.ts";
import { MailAccount } from "../../storage/mailbox/mail_account.ts";
import { LOGIN_ENV, LOGIN_OPERANDS, openLoginSession } from "./login_session.ts";
import { becomeOwner, moduleMechanisms, modulesOf, moduleVerifier } from "./module_login.ts";

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
  async run(proc) {
    modulesOf(proc.args);
    const session = openLoginSession(proc, proc.env.get("IMAP_TLS_REQUIRED"));
    const { connection, store } = session;
    try {
      await serveImapSession(connection, {
        ...session,
        authenticator: {
          mechanisms: moduleMechanisms(proc),
          verifier: moduleVerifier<ImapLogin>(proc, {
            service: "imap",
            denied: { kind: "denied" },
            accepted: ({ user, maildir, quota }) => ({
              kind: "ok",
              user,
              open() {
                becomeOwner(proc, maildir);
                return new MailAccount(store, { maildir, quota });
              },
            }),
            succeeded: (login) => login.kind === "ok",
          }),
        },
        clock: proc.clock,
        stopping: proc.stopping,
        serverId: { name: "IndiMail", version: VERSION },
        note(event) {
          if (event.kind === "end") proc.log.line(`INFO: LOGOUT, user=${safeLogText(event.user)}, ${session.peer}`);
          else if (event.kind === "login") {
            proc.log.line(`INFO: LOGIN, user=${safeLogText(event.user)}, ${session.peer}`);
          } else if (event.kind === "login-failed") proc.log.line(`ERR: LOGIN FAILED, ${session.peer}`);
          else proc.log.line(`ERR: ${event.verb}, ${session.peer}: ${event.reason}`);
        },
      });
    } finally {
      connection.close();
      await store.close();
    }
  },
});
