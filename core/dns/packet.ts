/**
 * Questions to packets and packets to answers, on dns-packet. Keeps the reply code, which other interfaces lose.
 */
import { Buffer } from "node:buffer";
import dnsPacket, { type Answer, type DecodedPacket } from "dns-packet";
import { latin1Text } from "../bytes.ts";
import type { DnsAnswer, DnsType, DnsValues } from "./answer.ts";

/** Most steps of a CNAME chain within one reply. */
const CNAME_STEPS_MAX = 16;
/** UDP payload that we take: fits every path [DNS flag day 2020]. */
const UDP_PAYLOAD_BYTES = 1232;
const RCODE_NOERROR = 0;
const RCODE_NXDOMAIN = 3;
/** Names of the reply codes that are failures [rfc1035 4.1.1]. */
const RCODE_NAMES: Readonly<Record<number, string>> = { 1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED" };

/** What one reply says; `truncated`: ask again by TCP; `follow`: the chain goes on outside of this reply. */
export type ParsedReply<T extends DnsType> =
  | { readonly kind: "answer"; readonly answer: DnsAnswer<T>; readonly negativeTtlSeconds: number }
  | { readonly kind: "truncated" }
  | { readonly kind: "follow"; readonly name: string };

/** The packet of a question. `id` must be unpredictable. */
export function formatQuestion(name: string, type: DnsType, id: number): Uint8Array {
  return dnsPacket.encode({
    type: "query",
    id,
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.AUTHENTIC_DATA,
    questions: [{ type, name, class: "IN" }],
    additionals: [{
      type: "OPT",
      name: ".",
      udpPayloadSize: UDP_PAYLOAD_BYTES,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [],
    }],
  });
}

/** Reads a reply to that question. Throws RangeError or Error when it is malformed or answers another question. */
export function parseReply<T extends DnsType>(bytes: Uint8Array, name: string, type: T): ParsedReply<T> {
  const packet = dnsPacket.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const [question] = packet.questions ?? [];
  if (packet.type !== "response" || !question || question.type !== type || !sameName(question.name, name)) {
    throw new Error("reply to another question");
  }
  if (packet.flag_tc) return { kind: "truncated" };
  const rcode = (bytes[3] ?? 0) & 15;
  const authentic = packet.flag_ad;
  const negativeTtlSeconds = negativeTtl(packet);
  if (rcode !== RCODE_NOERROR && rcode !== RCODE_NXDOMAIN) {
    return {
      kind: "answer",
      answer: { kind: "failed", text: `reply code ${RCODE_NAMES[rcode] ?? rcode}` },
      negativeTtlSeconds,
    };
  }
  const chain = followChain(packet, name, type);
  const values: DnsValues[T][] = [];
  let ttlSeconds = chain.ttlSeconds;
  for (const record of packet.answers ?? []) {
    if (record.type !== type || !sameName(record.name, chain.name)) continue;
    const value = recordValue(record, type);
    if (value === undefined) continue;
    values.push(value);
    ttlSeconds = Math.min(ttlSeconds, "ttl" in record ? record.ttl ?? 0 : 0);
  }
  if (values.length > 0) {
    const answer = { kind: "found", values, name: chain.name, authentic, ttlSeconds } as const;
    return { kind: "answer", answer, negativeTtlSeconds };
  }
  if (rcode === RCODE_NOERROR && chain.moved && negativeTtlSeconds === 0) return { kind: "follow", name: chain.name };
  const none = { kind: "none", nameExists: rcode === RCODE_NOERROR, authentic } as const;
  return { kind: "answer", answer: none, negativeTtlSeconds };
}

function followChain(packet: DecodedPacket, name: string, type: DnsType) {
  let current = name;
  let ttlSeconds = MAX_TTL_SECONDS;
  let moved = false;
  for (let step = 0; step < CNAME_STEPS_MAX && type !== "CNAME"; step++) {
    const link = (packet.answers ?? []).find((record) => record.type === "CNAME" && sameName(record.name, current));
    if (!link || link.type !== "CNAME") break;
    current = link.data;
    ttlSeconds = Math.min(ttlSeconds, link.ttl ?? 0);
    moved = true;
  }
  return { name: current, ttlSeconds, moved };
}

const MAX_TTL_SECONDS = 86_400;

/** TTL of a negative answer [rfc2308 5]; 0 when the reply has no SOA. */
function negativeTtl(packet: DecodedPacket): number {
  for (const record of packet.authorities ?? []) {
    if (record.type === "SOA") return Math.min(record.ttl ?? 0, record.data.minimum ?? 0);
  }
  return 0;
}

function recordValue<T extends DnsType>(record: Answer, type: T): DnsValues[T] | undefined {
  const value = plainValue(record);
  return record.type === type ? value as DnsValues[T] | undefined : undefined;
}

function plainValue(record: Answer): DnsValues[DnsType] | undefined {
  switch (record.type) {
    case "A":
    case "AAAA":
    case "PTR":
    case "CNAME":
    case "NS":
      return record.data;
    case "MX":
      return { preference: record.data.preference ?? 0, exchange: record.data.exchange };
    case "TXT": {
      const strings = Array.isArray(record.data) ? record.data : [record.data];
      return strings.map((text) => typeof text === "string" ? text : latin1Text(text)).join("");
    }
    case "TLSA":
      return { ...record.data, certificate: new Uint8Array(record.data.certificate) };
    case "SRV": {
      const { priority = 0, weight = 0, port, target } = record.data;
      return { priority, weight, port, target };
    }
    default:
      return undefined;
  }
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase().replace(/\.$/, "") === b.toLowerCase().replace(/\.$/, "");
}
