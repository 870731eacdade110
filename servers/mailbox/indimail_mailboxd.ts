/**
 * indimail-mailboxd: serves all IMAP and POP3 connections of a host in one process, in the role mailbox: it reads and
 * writes mail, knows no password (the lookup daemon checks them) and starts nothing.
 */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Usage } from "../../core/errors.ts";
import { CertificateFolder } from "../../core/net/tls_server.ts";
import { MECHANISM_ENV, offeredMechanisms } from "../../storage/accounts/auth_mechanisms.ts";
import { openLookup } from "../../storage/accounts/lookup_client.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { MailStore } from "../../storage/mailbox/mail_store.ts";
import { listenForMailboxes, parseAddresses } from "./mailbox_listener.ts";

/** Connections of each port. Ours: an idle one costs some 50 KB. */
const CONNECTIONS_DEFAULT = 4000;
/** Connections of each port from one address. Ours: a client opens one for each folder that it watches. */
const PER_HOST_DEFAULT = 200;
/** How long sessions may take to say good bye at the end, milliseconds. */
const STOP_TIMEOUT_MS = 5000;

/** The program. */
export const applet = defineApplet({
  names: ["indimail-mailboxd"],
  section: 8,
  summary: "serve mailboxes by IMAP and POP3",
  role: "mailbox",
  dialect: "daemon",
  daemon: true,
  options: {
    connections: {
      flag: "c",
      value: "count",
      default: String(CONNECTIONS_DEFAULT),
      help: "connections of each port at the same time; more wait",
    },
    perHost: {
      flag: "C",
      value: "count",
      default: String(PER_HOST_DEFAULT),
      help: "connections of each port from one address, 0 for no limit",
    },
    plainText: { flag: "p", help: "take passwords without TLS from anywhere, not only from this host" },
    reusePort: { flag: "r", help: "share the ports with other processes of this program" },
  },
  operands: [{
    name: "service=host:port",
    help: "imap, imaps, pop3 or pop3s and where to listen, for example imaps=[::]:993",
    repeat: true,
  }],
  description:
    "indimail-mailboxd listens on the addresses it is given and serves IMAP4rev1 and POP3 to the accounts of the lookup " +
    "daemon, from the Maildir in the account's home. All sessions of a folder share one view of it, so that an idle client " +
    "hears of a change at once; changes by other programs are seen within half a second.\n\nimaps and pop3s speak TLS from " +
    "the first byte, imap and pop3 offer STARTTLS and STLS; without TLS a password is taken only from this host, unless -p " +
    "is given. The certificate is servercert.pem of the certificates folder, or NAME.pem for the name a client asks for; " +
    "a changed file is read within seconds.\n\nEach login and each end of a session is a line in the log. HUP rereads the " +
    "control files. TERM says BYE to all clients, saves the indexes and ends.",
  env: {
    ...MECHANISM_ENV,
    SERVERCERT: "certificate and key, PEM; default servercert.pem in the certificates folder",
  },
  control: ["me", "authmechanisms", "oauthintrospection", "oauthjwks", "timeoutread"],
  files: {
    "Maildir/indimail-index.sqlite": "cache of a user's folders; may be deleted at any time",
    "Maildir/courierimapuiddb": "UIDs of the messages, as Courier has them",
    "Maildir/indimail-index.lock": "lock for giving UIDs",
  },
  examples: [{
    command: "indimail-mailboxd imap=0.0.0.0:143 imaps=0.0.0.0:993 pop3s=0.0.0.0:995",
    help: "IMAP with and without TLS, POP3 with TLS only",
  }],
  seeAlso: ["imapd(8)", "pop3d(8)", "inlookup(8)", "indimail-smtpd(8)"],
  source: ["[man imapd.8]", "[man pop3d.8]", "[man tcpserver.1]"],
  async run(proc) {
    const { paths, log, clock } = proc;
    const addresses = parseAddresses(proc.args);
    if (addresses.length === 0) throw new Usage("name at least one service=host:port");
    const control = new ControlFiles(paths.control);
    const certificates = certificatesOf(paths.certs, proc.env.get("SERVERCERT"));
    const lookup = openLookup(paths, control);
    const hostName = control.me();
    const onError = (error: unknown) => log.line(`mailboxd: ${errorText(error)}`);
    const store = new MailStore({ hostName, nowMs: () => clock.nowMs(), onError });
    try {
      const listeners = listenForMailboxes(addresses, {
        store,
        lookup,
        log,
        clock,
        hostName,
        tls: certificates.available() ? certificates : undefined,
        plainTextAllowed: proc.options.plainText,
        mechanisms: () => offeredMechanisms(control, (name) => proc.env.get(name)),
        stopping: proc.stopping,
        connectionsMax: wholeNumber("-c", proc.options.connections ?? String(CONNECTIONS_DEFAULT)),
        perHostMax: wholeNumber("-C", proc.options.perHost ?? String(PER_HOST_DEFAULT)),
        reusePort: proc.options.reusePort,
      });
      proc.onSignal("SIGHUP", () => control.reread());
      const ports = listeners.map((listener, at) => `${addresses[at]!.service}=${listener.port}`);
      log.line(`mailboxd: ready on ${ports.join(" ")}`);
      await stopped(proc.stopping);
      for (const listener of listeners) listener.close();
      await within(STOP_TIMEOUT_MS, Promise.all(listeners.map((listener) => listener.drained)));
    } finally {
      await store.close();
      lookup.close();
    }
  },
});

function certificatesOf(folder: string, file: string | undefined): CertificateFolder {
  return new CertificateFolder({ folder, ...(file === undefined ? {} : { file }) });
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new Usage(`${option}: ${text} is not a number`);
  return Number(text);
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Waits for `work`, at most so long. */
async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, timeoutMs));
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
