/** A fake DNS: answers by data, in process (a Resolver) or over the network (a server on a port of its own). */
import { Buffer } from "node:buffer";
import dnsPacket, { type Answer } from "dns-packet";
import type { DnsAnswer, DnsType, DnsValues, Resolver } from "../../core/dns/answer.ts";

/** Records by `TYPE name`; "fail" makes the answer SERVFAIL. A name without any row does not exist. */
export type FakeZone = Readonly<Record<string, readonly unknown[] | "fail">>;

/** A resolver of these records. */
export function fakeResolver(zone: FakeZone): Resolver {
  return {
    resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<T>> {
      const row = zone[`${type} ${name.toLowerCase()}`];
      if (row === "fail") return Promise.resolve({ kind: "failed", text: "reply code SERVFAIL" });
      const nameExists = Object.keys(zone).some((key) => key.endsWith(` ${name.toLowerCase()}`));
      if (!row) return Promise.resolve({ kind: "none", nameExists, authentic: false });
      const values = row as readonly DnsValues[T][];
      return Promise.resolve({ kind: "found", values, name, authentic: false, ttlSeconds: 60 });
    },
  };
}

/** A running DNS server on 127.0.0.1. */
export interface FakeDnsServer {
  readonly port: number;
  /** Questions so far, as `udp A example.com`. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** What the server says to a question. */
export interface FakeReply {
  readonly rcode?: number;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly authentic?: boolean;
  /** Only by UDP: nothing but the truncation bit. */
  readonly truncated?: boolean;
  readonly silent?: boolean;
}

/** Starts a DNS server, UDP and TCP on the same port. */
export function startFakeDns(reply: (name: string, type: string) => FakeReply): FakeDnsServer {
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = tcp.addr;
  const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
  const asked: string[] = [];
  const answer = (query: Uint8Array, protocol: "udp" | "tcp"): Uint8Array | undefined => {
    const packet = dnsPacket.decode(Buffer.from(query));
    const question = packet.questions![0]!;
    asked.push(`${protocol} ${question.type} ${question.name}`);
    const said = reply(question.name.toLowerCase(), question.type);
    if (said.silent) return undefined;
    const truncated = said.truncated && protocol === "udp";
    const flags = dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | (said.rcode ?? 0) |
      (said.authentic ? dnsPacket.AUTHENTIC_DATA : 0) | (truncated ? dnsPacket.TRUNCATED_RESPONSE : 0);
    return dnsPacket.encode({
      type: "response",
      id: packet.id ?? 0,
      flags,
      questions: [question],
      answers: truncated ? [] : [...said.answers ?? []],
      authorities: [...said.authorities ?? []],
    });
  };
  const serveUdp = async () => {
    for await (const [query, from] of udp) {
      const bytes = answer(query, "udp");
      if (bytes) await udp.send(bytes, from);
    }
  };
  const serveTcp = async () => {
    for await (const connection of tcp) {
      const buffer = new Uint8Array(4096);
      const count = await connection.read(buffer);
      const bytes = count ? answer(buffer.subarray(2, count), "tcp") : undefined;
      if (bytes) {
        const framed = new Uint8Array(bytes.length + 2);
        new DataView(framed.buffer).setUint16(0, bytes.length);
        framed.set(bytes, 2);
        await connection.write(framed);
      }
      connection.close();
    }
  };
  const serving = Promise.all([serveUdp(), serveTcp()]);
  return {
    port,
    asked,
    async close() {
      udp.close();
      tcp.close();
      await serving;
    },
  };
}
