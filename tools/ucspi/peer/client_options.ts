/** The options of tcpclient and what follows from them [man tcpclient.1]. */
import type { Proc } from "../../../core/applet.ts";
import { Usage } from "../../../core/errors.ts";
import { interfaceIndex } from "../../../core/libc/socket.ts";
import type { ClientTls } from "../../../core/stream.ts";
import { type ClientRequest, TRY_SECONDS_DEFAULT } from "./client_connection.ts";
import type { FactSettings } from "./peer_environment.ts";
import { lazyResolver } from "./lazy_resolver.ts";
import { numberOption } from "./number_option.ts";
import { clientTls } from "../tls/tls_files.ts";
import { TLS_HELP } from "../tls/tls_options.ts";

const INFO_SECONDS_DEFAULT = 26;
const SECONDS_MAX = 1_000_000;

/** All options, by the name that the code uses. */
export const CLIENT_OPTIONS = {
  quiet: { flag: "q", cancels: ["errors", "verbose"], help: "print nothing" },
  errors: { flag: "Q", cancels: ["quiet", "verbose"], help: "print errors (default)" },
  verbose: { flag: "v", cancels: ["quiet", "errors"], help: "print errors and what happens" },
  onlyIpv4: { flag: "4", cancels: ["onlyIpv6"], help: "only IPv4 addresses of the host" },
  onlyIpv6: { flag: "6", cancels: ["onlyIpv4"], help: "only IPv6 addresses of the host, PROTO is TCP6" },
  networkInterface: { flag: "I", value: "interface", help: "network interface of a link-local IPv6 address" },
  tryTimeout: {
    flag: "T",
    value: "seconds+seconds",
    default: "2+58",
    help: "limit for each address at first, and for each that did not answer at the second try",
  },
  hostsFileOnly: { flag: "e", help: "look the host up in /etc/hosts, and nowhere else" },
  localHost: { flag: "i", value: "address", help: "local address of the connection" },
  localPort: { flag: "p", value: "port", help: "local port of the connection" },
  delay: { flag: "d", cancels: ["noDelay"], help: "let the system wait for more to send (default)" },
  noDelay: { flag: "D", cancels: ["delay"], help: "send small packets at once" },
  lookHost: { flag: "h", cancels: ["noHost"], help: "look up the peer's name for TCPREMOTEHOST (default)" },
  noHost: { flag: "H", cancels: ["lookHost"], help: "do not look up the peer's name" },
  localName: { flag: "l", value: "name", help: "TCPLOCALHOST, in place of asking DNS; 0 is a common choice" },
  askInfo: { flag: "r", cancels: ["noInfo"], help: "ask the peer's ident for TCPREMOTEINFO (default)" },
  noInfo: { flag: "R", cancels: ["askInfo"], help: "do not ask ident" },
  infoTimeout: { flag: "t", value: "seconds", default: "26", help: "how long ident may take" },
  dataTimeout: { flag: "a", value: "seconds", default: "300", help: "end when nothing is said for so long" },
  certificateFolder: { flag: "C", value: "folder", default: "CERTDIR", help: "where certificates are" },
  certificate: { flag: "n", value: "file", help: "speak TLS, and show this certificate; empty: TLS_CERTFILE" },
  authorities: { flag: "c", value: "file", help: "authorities: the server's certificate must be of one of them" },
  revoked: { flag: "L", value: "file", help: TLS_HELP.crl },
  ciphers: { flag: "f", value: "list", help: TLS_HELP.ciphers },
  method: { flag: "M", value: "method", help: TLS_HELP.method },
  provider: { flag: "z", help: TLS_HELP.provider },
  starttls: { flag: "s", value: "smtp|pop3|imap", help: "begin TLS in the manner of that protocol, without prog" },
  matchName: { flag: "m", value: "host", help: "the server's certificate must be for that name" },
} as const;

/** A program with these options. */
export type ClientProc = Proc<typeof CLIENT_OPTIONS>;

function trySeconds(text: string | undefined): readonly [number, number] {
  if (text === undefined) return TRY_SECONDS_DEFAULT;
  const [short = "", long = "0"] = text.split("+", 2);
  return [numberOption("-T", short, SECONDS_MAX), numberOption("-T", long, SECONDS_MAX)];
}

function familyOf({ options }: ClientProc): "any" | "ipv4" | "ipv6" {
  return options.onlyIpv4 ? "ipv4" : options.onlyIpv6 ? "ipv6" : "any";
}

/** Where and how to connect. Throws Usage. */
export function clientRequest(
  proc: ClientProc,
  to: { readonly host: string; readonly port: string; readonly tell: (text: string) => void },
): ClientRequest {
  const { options, env } = proc;
  return {
    host: to.host,
    ...(options.networkInterface !== undefined && { scopeId: interfaceIndex(options.networkInterface) }),
    port: to.port,
    localHost: options.localHost === "0" ? undefined : options.localHost,
    localPort: options.localPort === undefined ? undefined : numberOption("-p", options.localPort, 65_535),
    trySeconds: trySeconds(options.tryTimeout),
    family: familyOf(proc),
    localDomain: env.get("LOCALDOMAIN"),
    rewriteFile: env.get("DNSREWRITEFILE"),
    hostsFileOnly: options.hostsFileOnly,
    resolver: lazyResolver(env.get("DNSCACHEIP")),
    failed: to.tell,
    ...(options.verbose && { trying: to.tell }),
  };
}

/** What is looked up for the environment. */
export function factsOf(proc: ClientProc): FactSettings {
  const { options, env } = proc;
  const seconds = options.infoTimeout === undefined
    ? INFO_SECONDS_DEFAULT
    : numberOption("-t", options.infoTimeout, SECONDS_MAX);
  return {
    lookupHost: !options.noHost,
    paranoid: false,
    lookupInfo: !options.noInfo,
    infoTimeoutMs: seconds * 1000,
    localName: options.localName,
    family: options.onlyIpv6 ? "ipv6" : "any",
    networkInterface: options.networkInterface,
    resolver: lazyResolver(env.get("DNSCACHEIP")),
  };
}

/** TLS as the options want it. Throws Usage or Temporary. */
export function clientTlsOf(proc: ClientProc, host: string): ClientTls {
  const { options, env } = proc;
  const asked = host.startsWith("/") || host === "0" || host === "" ? "localhost" : host;
  if (options.matchName === "") throw new Usage("option -m needs a host name");
  return clientTls({
    folder: options.certificateFolder ?? env.get("CERTDIR") ?? proc.paths.certs,
    certificate: options.certificate,
    certificateDefault: env.get("TLS_CERTFILE") ?? "clientcert.pem",
    authorities: options.authorities,
    authoritiesDefault: env.get("SERVERCA") ?? "serverca.pem",
    revoked: options.revoked,
    revokedDefault: env.get("SERVERCRL") ?? "servercrl.pem",
    method: options.method,
  }, { asked, match: options.matchName });
}
