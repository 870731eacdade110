/** dotls: TLS, or STARTTLS, for a program that has none [man dotls.1]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { numberOption } from "./peer/number_option.ts";
import { tryProtocol } from "./tls/starttls_client.ts";
import { starttlsProxy } from "./tls/starttls_proxy.ts";
import { clientTls, serverTls, type TlsRequest } from "./tls/tls_files.ts";
import { TLS_HELP } from "./tls/tls_options.ts";
import { wrapProgram } from "./tls/tls_wrapper.ts";

const DATA_SECONDS_DEFAULT = 300;
const HANDSHAKE_SECONDS_DEFAULT = 60;
const SECONDS_MAX = 1_000_000;

const OPTIONS = {
  quiet: { flag: "q", cancels: ["errors", "verbose"], help: "print nothing" },
  errors: { flag: "Q", cancels: ["quiet", "verbose"], help: "print errors (default)" },
  verbose: { flag: "v", cancels: ["quiet", "errors"], help: "print errors and what happens" },
  certificateFolder: { flag: "d", value: "folder", default: "CERTDIR", help: "where certificates are" },
  certificate: { flag: "n", value: "file", default: "TLS_CERTFILE", help: "certificate and key" },
  authorities: { flag: "c", value: "file", help: "authorities by which the peer's certificate is checked" },
  revoked: { flag: "L", value: "file", help: TLS_HELP.crl },
  ciphers: { flag: "f", value: "list", help: TLS_HELP.ciphers },
  method: { flag: "M", value: "method", help: TLS_HELP.method },
  renegotiation: { flag: "N", help: TLS_HELP.renegotiation },
  provider: { flag: "z", help: TLS_HELP.provider },
  dataTimeout: { flag: "D", value: "seconds", default: "300", help: "end when nothing is said for so long" },
  handshake: { flag: "t", value: "seconds", default: "60", help: "how long the TLS handshake may take" },
  starttls: { flag: "s", value: "smtp|pop3|imap", help: "offer STARTTLS in the manner of that protocol" },
  client: { flag: "T", help: "under tcpclient: be the client; prog has the connection on 0 and 1" },
  oldClient: { flag: "C", help: "under tcpclient: be the client; prog has the connection on 6 and 7" },
} as const;

export const applet = defineApplet({
  names: ["dotls"],
  section: 1,
  summary: "speak TLS for a program that cannot",
  role: "tool",
  dialect: "chain",
  options: OPTIONS,
  operands: [{ name: "prog", help: "the program and its arguments", repeat: true }],
  stopsAtOperand: true,
  description:
    `dotls runs under tcpserver: it speaks TLS on descriptors 0 and 1 and runs prog, which has the plain text on its own 0 and
1. With -s TLS begins when the client asks for it: dotls adds STARTTLS (STLS) to what prog offers and answers that command,
everything else goes through to prog.

With -T or -C it runs under tcpclient and is the client, on descriptors 6 and 7. The server's certificate is checked when there
is a file of authorities.

When NOTLS is set, prog is run as if dotls were not there. Without -s the text of BANNER is said in plain text first.`,
  env: {
    NOTLS: "set: no TLS for this connection",
    BANNER: "said in plain text before TLS begins; not with -s",
    CERTDIR: "folder of certificates; default the installation's",
    TLS_CERTFILE: "certificate and key; default servercert.pem, as client clientcert.pem, if it is there",
    CLIENTCA: "authorities; default clientca.pem, if it is there",
    CLIENTCRL: "revoked certificates; default clientcrl.pem, if it is there",
    TLS_CIPHER_LIST: "accepted for the original's sake: the runtime offers only what is strong today",
    TCPREMOTEHOST: "as client: name of the server",
    TCPREMOTEIP: "as client: address of the server",
  },
  exits: { "100": "called wrongly", "111": "no TLS", "other": "the program's" },
  examples: [
    { command: "tcpserver -RHl0 0 110 dotls -s pop3 qmail-popup host checkpassword qmail-pop3d Maildir", help: "POP3" },
    { command: "tcpclient -RHl0 example.com 5555 dotls -T ./script", help: "a script as TLS client" },
  ],
  seeAlso: ["tcpserver(1)", "tcpclient(1)", "sslerator(8)"],
  source: ["[man dotls.1]"],
  async run(proc) {
    const { options, env } = proc;
    const [program = "", ...args] = proc.args;
    if (env.get("NOTLS") !== undefined) return proc.exec(program, args);
    const protocol = options.starttls === undefined ? undefined : tryProtocol(options.starttls);
    const isClient = options.client || options.oldClient;
    if (options.starttls !== undefined && (!protocol || isClient)) {
      throw new Usage("option -s is smtp, pop3 or imap, and not for clients");
    }
    const seconds = (option: string, text: string | undefined, absent: number) =>
      1000 * (text === undefined ? absent : numberOption(option, text, SECONDS_MAX));
    const request = tlsRequest(proc, isClient);
    const asked = env.get("TCPREMOTEHOST") ?? env.get("TCPREMOTEIP") ?? "localhost";
    return await wrapProgram(proc, {
      argv: proc.args,
      network: isClient ? { reading: 6, writing: 7 } : { reading: 0, writing: 1 },
      program: options.oldClient ? { reading: 6, writing: 7 } : { reading: 0, writing: 1 },
      side: isClient ? { client: clientTls(request, { asked }) } : { server: serverTls(request) },
      banner: protocol || isClient ? "" : env.get("BANNER") ?? "",
      idleMs: seconds("-D", options.dataTimeout, DATA_SECONDS_DEFAULT),
      handshakeMs: seconds("-t", options.handshake, HANDSHAKE_SECONDS_DEFAULT),
      tellProvider: options.provider,
      starttls: protocol && starttlsProxy(protocol),
    });
  },
});

function tlsRequest({ options, env, paths }: Proc<typeof OPTIONS>, isClient: boolean): TlsRequest {
  return {
    folder: options.certificateFolder ?? env.get("CERTDIR") ?? paths.certs,
    certificate: options.certificate,
    certificateDefault: env.get("TLS_CERTFILE") ?? (isClient ? "clientcert.pem" : "servercert.pem"),
    authorities: options.authorities,
    authoritiesDefault: env.get("CLIENTCA") ?? "clientca.pem",
    revoked: options.revoked,
    revokedDefault: env.get("CLIENTCRL") ?? "clientcrl.pem",
    method: options.method,
  };
}
