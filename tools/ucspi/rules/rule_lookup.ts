/**
 * The rule for a peer in rules.cdb, for tcpserver and tcprulescheck: the first key of the manual page's order that is
 * there [man tcprules.1, spec formats 10].
 */
import { latin1Bytes } from "../../../core/bytes.ts";
import { tryParseIp } from "../../../core/ip_address.ts";
import type { Cdb } from "../../../storage/cdb/reader.ts";
import { bitsKey, expandedKey } from "./rule_keys.ts";

/** Who connects. */
export interface RulePeer {
  /** TCPREMOTEIP. */
  readonly ip: string;
  /** TCPREMOTEHOST. */
  readonly host: string | undefined;
  /** TCPREMOTEINFO. */
  readonly info: string | undefined;
}

/** What a rule says. */
export interface RuleFound {
  readonly key: Uint8Array;
  readonly deny: boolean;
  /** In the order of the rule; undefined: the variable is removed. */
  readonly settings: readonly (readonly [name: string, value: string | undefined])[];
}

/** The keys that are tried, best first. */
export function* ruleKeys({ ip, host, info }: RulePeer): Generator<Uint8Array> {
  const bytes = tryParseIp(ip);
  const long = bytes?.length === 16 ? new TextDecoder().decode(expandedKey(bytes)) : ip;
  if (info !== undefined) {
    yield latin1Bytes(`${info}@${long}`);
    if (host !== undefined) yield latin1Bytes(`${info}@=${host}`);
  }
  yield latin1Bytes(long);
  if (long !== ip) yield latin1Bytes(ip);
  if (host !== undefined) yield latin1Bytes(`=${host}`);
  if (long === ip) {
    for (let dot = ip.lastIndexOf("."); dot >= 0; dot = dot === 0 ? -1 : ip.lastIndexOf(".", dot - 1)) {
      yield latin1Bytes(ip.slice(0, dot + 1));
    }
  }
  if (bytes) {
    const bits = bitsKey(bytes);
    for (let length = bits.length; length > 1; length--) yield bits.subarray(0, length);
  }
  if (host !== undefined) {
    for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
      yield latin1Bytes(`=${host.slice(dot)}`);
    }
    yield latin1Bytes("=");
  }
  yield new Uint8Array(0);
}

/** The rule for a peer; undefined when none fits. Throws Temporary when the file is damaged. */
export function findRule(cdb: Cdb, peer: RulePeer): RuleFound | undefined {
  for (const key of ruleKeys(peer)) {
    const rule = cdb.find(key);
    if (rule) return { key, ...parseRuleData(rule) };
  }
  return undefined;
}

function parseRuleData(rule: Uint8Array): Omit<RuleFound, "key"> {
  const decoder = new TextDecoder();
  const settings: (readonly [string, string | undefined])[] = [];
  let deny = false;
  for (let at = 0; at < rule.length;) {
    const end = rule.indexOf(0, at);
    if (end < 0) break;
    const text = decoder.decode(rule.subarray(at + 1, end));
    const kind = String.fromCharCode(rule[at]!);
    const equals = text.indexOf("=");
    if (kind === "D") deny = true;
    else if (kind === "+" && equals >= 0) settings.push([text.slice(0, equals), text.slice(equals + 1)]);
    else if (kind === "-") settings.push([text, undefined]);
    at = end + 1;
  }
  return { deny, settings };
}
