/** sslerator: TLS on an inherited connection for a program that cannot [man sslerator.8]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { numberOption } from "./peer/number_option.ts";
import { serverTls } from "./tls/tls_files.ts";
import { TLS_HELP } from "./tls/tls_options.ts";
import { wrapProgram } from "./tls/tls_wrapper.ts";

const DATA_SECONDS_DEFAULT = 1200;
const HANDSHAKE_SECONDS_DEFAULT = 60;
const SECONDS_MAX = 1_000_000;
const FD_MAX = 1_000_000;

export const applet = defineApplet({
  names: ["sslerator"],
  section: 8,
  summary: "speak TLS for a program that cannot",
  role: "tool",
  dialect: "chain",
  options: {
    certificateFolder: { flag: "d", value: "folder", default: "the installation's", help: "where certificates are" },
    certificate: { flag: "n", value: "file", default: "TLS_CERTFILE", help: "certificate and key" },
    authorities: { flag: "C", value: "file", help: "authorities by which a client's certificate is checked" },
    ciphers: { flag: "c", value: "file", help: TLS_HELP.ciphers },
    revoked: { flag: "r", value: "file", help: TLS_HELP.crl },
    method: { flag: "M", value: "method", help: TLS_HELP.method },
    renegotiation: { flag: "N", help: TLS_HELP.renegotiation },
    dataTimeout: { flag: "t", value: "seconds", default: "1200", help: "end when nothing is said for so long" },
    handshake: { flag: "T", value: "seconds", default: "60", help: "how long the TLS handshake may take" },
    banner: { flag: "b", value: "text", default: "BANNER", help: "said in plain text before TLS begins" },
    tellClient: { flag: "e", help: "tell the client in plain text when TLS fails; not when TCPREMOTEIP is set" },
    greeting: { flag: "s", help: "the greeting comes from prog after TLS has begun; no banner" },
    socket: { flag: "f", value: "descriptor", default: "0 and 1", help: "the network" },
  },
  operands: [{ name: "prog", help: "the program and its arguments", repeat: true }],
  stopsAtOperand: true,
  description:
    `sslerator speaks TLS as the server on a connection that it has inherited and runs prog, which has the plain text on
descriptors 0 and 1. dotls does the same and more.`,
  env: {
    TLS_CERTFILE: "certificate and key; default servercert.pem of the folder",
    SSL_CIPHER: "accepted for the original's sake: the runtime offers only what is strong today",
    BANNER: "said in plain text before TLS begins; default nothing",
    TCPREMOTEIP: "set: errors go to standard error even with -e",
  },
  exits: { "100": "called wrongly", "111": "no TLS", "other": "the program's" },
  examples: [{ command: "tcpserver 0 993 sslerator -n servercert.pem imapd-login", help: "IMAP by TLS" }],
  seeAlso: ["dotls(1)", "tcpserver(1)"],
  source: ["[man sslerator.8]"],
  async run(proc) {
    const { options, env } = proc;
    const fd = options.socket === undefined ? undefined : numberOption("-f", options.socket, FD_MAX);
    if (options.socket === "") throw new Usage("option -f needs a descriptor");
    const seconds = (option: string, text: string | undefined, absent: number) =>
      1000 * (text === undefined ? absent : numberOption(option, text, SECONDS_MAX));
    const network = { reading: fd ?? 0, writing: fd ?? 1 };
    try {
      return await wrapProgram(proc, {
        argv: proc.args,
        network,
        program: { reading: 0, writing: 1 },
        side: {
          server: serverTls({
            folder: options.certificateFolder ?? proc.paths.certs,
            certificate: options.certificate,
            certificateDefault: env.get("TLS_CERTFILE") ?? "servercert.pem",
            authorities: options.authorities,
            authoritiesDefault: "clientca.pem",
            revoked: options.revoked,
            revokedDefault: "clientcrl.pem",
            method: options.method,
          }),
        },
        banner: options.greeting ? "" : options.banner ?? env.get("BANNER") ?? "",
        idleMs: seconds("-t", options.dataTimeout, DATA_SECONDS_DEFAULT),
        handshakeMs: seconds("-T", options.handshake, HANDSHAKE_SECONDS_DEFAULT),
        tellProvider: true,
      });
    } catch (error) {
      if (!(error instanceof Temporary) || !options.tellClient || env.get("TCPREMOTEIP") !== undefined) throw error;
      await proc.fd(network.writing).write(new TextEncoder().encode(`454 TLS not available: ${errorText(error)}\r\n`));
      throw error;
    }
  },
});
