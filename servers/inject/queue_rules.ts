/**
 * What control files and environment make qmail-queue change: recipients added, replaced or archived, header fields
 * removed, exported or added. Pure over the rules read [man qmail-queue.9].
 */
import { Permanent } from "../../core/errors.ts";
import type { Envelope } from "../../storage/queue/submission.ts";
import type { InjectWorld } from "./world.ts";

/** A rule of mailarchive: whose address is looked at, which match, and where a copy goes. */
interface ArchiveRule {
  readonly of: "sender" | "recipient";
  readonly pattern: RegExp;
  readonly negated: boolean;
  readonly destination: string;
}

/** The rules in force. */
export interface QueueRules {
  readonly quarantine: string | undefined;
  readonly extraRecipients: readonly string[];
  readonly archive: readonly ArchiveRule[];
  /** Field names in lower case. */
  readonly removedFields: ReadonlySet<string>;
  /** Longest value in bytes, by field name in lower case. */
  readonly exportedFields: ReadonlyMap<string, number>;
  /** A field that is added on top, LF-ended; or nothing. */
  readonly addedField: string;
  /** Header lines for delivery. */
  readonly extraHeader: string;
}

/** Reads the rules. Throws Temporary or Permanent naming a control file that cannot be used. */
export function readQueueRules({ env, control }: Pick<InjectWorld, "env" | "control">): QueueRules {
  const qqeh = env("QQEH");
  const extraHeader = qqeh ? qqeh.replace(/\n*$/, "\n") : "";
  const fast = env("FASTQUEUE") !== undefined;
  const lines = (name: string) => fast ? [] : control.lines(name) ?? [];
  const given = (variable: string, file: string) => env(variable) ?? (fast ? undefined : control.line(file));
  const extra = env("EXTRAQUEUE");
  return {
    quarantine: given("QUARANTINE", "quarantine"),
    extraRecipients: extra ? [extra] : lines("extraqueue"),
    archive: lines(env("MAILARCHIVE") ?? "mailarchive").map(parseArchiveRule),
    removedFields: new Set(lines(env("REMOVEHEADERS") ?? "removeheaders").map((name) => fieldName(name))),
    exportedFields: new Map(
      lines(env("ENVHEADERS") ?? "envheaders").map((line) => {
        const match = /^(.*?):?(?::(\d+))?$/.exec(line.trim())!;
        return [fieldName(match[1]!), match[2] ? Number(match[2]) : Infinity];
      }),
    ),
    addedField: originField(given("ORIGINIPFIELD", "originipfield"), env),
    extraHeader,
  };
}

function fieldName(text: string): string {
  return text.trim().replace(/:$/, "").toLowerCase();
}

function originField(name: string | undefined, env: InjectWorld["env"]): string {
  const address = env("TCPREMOTEIP");
  if (name === undefined || !address || env("RELAYCLIENT") === undefined) return "";
  const field = /^[!-9;-~]+$/.test(name) && name.length > 1 ? name : "X-Originating-IP";
  return `${field}: ${address.replace(/[^\w.:]/g, "_")}\n`;
}

/** `type:regexp:destination`; type F or T or empty, a `!` before the expression negates it. */
function parseArchiveRule(line: string): ArchiveRule {
  const match = /^([FT]?):(!?)(.*):([^:]*)$/.exec(line);
  if (!match) throw new Permanent(`control file mailarchive: ${line} is not type:pattern:address`);
  try {
    const pattern = new RegExp(match[3]!, "i");
    return {
      of: match[1] === "F" ? "sender" : "recipient",
      pattern,
      negated: match[2] === "!",
      destination: match[4]!,
    };
  } catch (error) {
    if (error instanceof SyntaxError) throw new Permanent(`control file mailarchive: ${line}: ${error.message}`);
    throw error;
  }
}

/** The envelope that is queued instead of the given one. */
export function applyRules(envelope: Envelope, rules: QueueRules): Envelope {
  let recipients = [...envelope.recipients];
  let extraHeader = rules.extraHeader + (envelope.extraHeader ?? "");
  if (rules.quarantine !== undefined) {
    extraHeader += `X-Quarantine-ID: ${recipients.join(",").replaceAll("\n", "_")}\n`;
    recipients = [rules.quarantine];
  }
  const copies = new Set<string>(rules.extraRecipients);
  for (const rule of rules.archive) {
    const addresses = rule.of === "sender" ? [envelope.sender || "<>"] : envelope.recipients;
    const matching = addresses.find((address) => rule.pattern.test(address) !== rule.negated);
    if (matching !== undefined) copies.add(expand(rule.destination, matching));
  }
  return { ...envelope, recipients: [...recipients, ...copies], extraHeader };
}

function expand(destination: string, address: string): string {
  const at = address.lastIndexOf("@");
  const parts: Record<string, string> = {
    u: at < 0 ? address : address.slice(0, at),
    d: at < 0 ? "" : address.slice(at + 1),
    e: address,
  };
  return destination.replace(/%([ude])/g, (_, letter: string) => parts[letter]!);
}

/** True when the header must be looked at. */
export function rulesTouchHeader(rules: QueueRules): boolean {
  return rules.removedFields.size > 0 || rules.exportedFields.size > 0;
}

/** A header's fields with the removed ones left out, and the lines that are exported to deliveries. */
export function filterHeader(header: string, rules: QueueRules): { header: string; environmentHeaders: string } {
  let kept = "";
  let environmentHeaders = "";
  for (const field of header.split(/(?<=\n)(?![ \t])/)) {
    const colon = field.indexOf(":");
    const name = colon < 0 ? "" : field.slice(0, colon).trimEnd();
    const lower = name.toLowerCase();
    const bytesMax = rules.exportedFields.get(lower);
    if (name !== "" && bytesMax !== undefined) {
      const value = field.slice(colon + 1).replace(/\r?\n/g, "").trim();
      if (value.length <= bytesMax) environmentHeaders += `${name}: ${value}\n`;
    }
    if (!rules.removedFields.has(lower)) kept += field;
  }
  return { header: kept, environmentHeaders };
}
