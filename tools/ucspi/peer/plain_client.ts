/** Connections of the small programs that ask one thing of a host: who@, date@, finger@, http@, tcpcat, mconnect. */
import type { OperandSpec, Proc } from "../../../core/applet.ts";
import { utf8Bytes } from "../../../core/bytes.ts";
import { SocketConnection } from "../../../core/net/connection.ts";
import { openClient, socketTransport, TRY_SECONDS_DEFAULT } from "./client_connection.ts";
import { copyStream } from "../copy_stream.ts";
import { crRemover, visibleBytes } from "../line_ends.ts";
import { lazyResolver } from "./lazy_resolver.ts";

/** The host operand of these programs. */
export const HOST_OPERAND: OperandSpec = {
  name: "host",
  help: "address or name; this host when absent",
  optional: true,
};

/** The variables that they read. */
export const PLAIN_CLIENT_ENV = {
  DNSCACHEIP: "name servers separated by blanks, in place of /etc/resolv.conf",
  LOCALDOMAIN: "added to a host without a dot; default nothing",
  DNSREWRITEFILE: "rules that change host names first; default /etc/dnsrewrite, if it is there",
} as const;

/** Connects; undefined when nobody answers, which has been printed. Throws Temporary. */
export async function openPlain(proc: Proc, host: string, port: string): Promise<SocketConnection | undefined> {
  const socket = await openClient({
    host,
    port,
    trySeconds: TRY_SECONDS_DEFAULT,
    family: "any",
    localDomain: proc.env.get("LOCALDOMAIN"),
    rewriteFile: proc.env.get("DNSREWRITEFILE"),
    resolver: lazyResolver(proc.env.get("DNSCACHEIP")),
    failed: (text) => proc.log.line(`${proc.name}: ${text}`),
  });
  return socket && new SocketConnection(socketTransport(socket.fd), socket);
}

/** Says `question` and prints the answer as text that a terminal can show. Ends with 0, as the original's pipeline does. */
export async function askAndShow(
  proc: Proc,
  to: { readonly port: string; readonly question?: string },
): Promise<void> {
  const connection = await openPlain(proc, proc.args[0] ?? "0", to.port);
  if (!connection) return;
  try {
    if (to.question !== undefined) await connection.write(utf8Bytes(to.question));
    await copyStream(connection, proc.stdout, [crRemover(), visibleBytes()]);
  } finally {
    connection.close();
  }
}
