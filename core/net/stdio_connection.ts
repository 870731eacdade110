/** Standard input and output as a connection: for programs that a listener starts with the client on descriptors 0 and 1. */
import type { Proc } from "../applet.ts";
import type { Connection } from "../stream.ts";
import { SocketConnection } from "./connection.ts";

/** The variables that tell where the connection comes from, for applets to declare. */
export const STDIO_CONNECTION_ENV = {
  TCPLOCALIP: "address of this end of the connection",
  TCPLOCALPORT: "port of this end",
  TCPREMOTEIP: "address of the client",
  TCPREMOTEPORT: "port of the client",
} as const;

/** The connection; closing it leaves the descriptors open. */
export function stdioConnection(proc: Pick<Proc, "stdin" | "stdout" | "env">): Connection {
  const transport = {
    read: (into: Uint8Array) => proc.stdin.read(into),
    write: (bytes: Uint8Array) => proc.stdout.write(bytes).then(() => bytes.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
  const end = (ip: string | undefined, port: string | undefined) => ({
    host: ip ?? "unknown",
    port: Number(port ?? 0),
  });
  return new SocketConnection(transport, {
    local: end(proc.env.get("TCPLOCALIP"), proc.env.get("TCPLOCALPORT")),
    remote: end(proc.env.get("TCPREMOTEIP"), proc.env.get("TCPREMOTEPORT")),
  });
}
