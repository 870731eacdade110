/**
 * The network connection that a UCSPI client gives a program: read from descriptor 6, write to descriptor 7.
 */
import type { Proc } from "../../core/applet.ts";
import { errorText, Permanent, Temporary, TimedOut } from "../../core/errors.ts";
import { isInheritedFd } from "../../core/libc/fd.ts";
import type { Connection } from "../../core/stream.ts";

const FD_FROM_NETWORK = 6;
const FD_TO_NETWORK = 7;
/** How long a read and a write may wait, milliseconds [man serialqmtp.1]. */
const WRITE_TIMEOUT_MS = 73_000;
/** A socket that takes any bytes takes these without making the process wait: it stays a blocking one for its heirs. */
const WRITE_BYTES = 4096;
const READ_TIMEOUT_MS = 20 * 60_000;

/** A connection, and when it was closed. */
export interface ClientConnection extends Connection {
  readonly closed: Promise<void>;
}

async function within<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimedOut(`${what} took longer than ${timeoutMs / 1000} seconds`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw error instanceof Temporary ? error : new Temporary(`${what} failed: ${errorText(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** The connection of this process. Throws Permanent when it was given none. */
export function clientConnection(proc: Pick<Proc, "fd" | "env">): ClientConnection {
  if (!isInheritedFd(FD_FROM_NETWORK) || !isInheritedFd(FD_TO_NETWORK)) {
    throw new Permanent("descriptors 6 and 7 are no connection: run this by tcpclient");
  }
  const [from, to] = [proc.fd(FD_FROM_NETWORK), proc.fd(FD_TO_NETWORK)];
  const { promise, resolve } = Promise.withResolvers<void>();
  const host = proc.env.get("TCPREMOTEIP") ?? "";
  return {
    local: { host: "", port: 0 },
    remote: { host, port: 0 },
    closed: promise,
    read: (into) => within(from.read(into), READ_TIMEOUT_MS, "reading from the network"),
    async write(bytes) {
      for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
        await within(to.write(bytes.subarray(at, at + WRITE_BYTES)), WRITE_TIMEOUT_MS, "writing to the network");
      }
    },
    readable: () => Promise.resolve(),
    setTimeout: () => {}, // the limits above hold all the time
    close() {
      from.close();
      to.close();
      resolve();
    },
  };
}

/** The variable that names the peer in results. */
export const CONNECTION_ENV = { TCPREMOTEIP: "address of the server, for the texts of results" } as const;
