/** Whether a client of an SMTP server is refused: by its environment, or by lists in DNS [man rblsmtpd.1, rfc5782]. */
import type { Resolver } from "../../core/dns/answer.ts";
import { reverseName } from "../../core/dns/system.ts";
import { formatIp, tryParseIp, unmappedIp } from "../../core/ip_address.ts";

/** Bytes of a reason. */
const REASON_BYTES_MAX = 200;

/** What decides. */
export interface ClientQuestion {
  /** TCPREMOTEIP. */
  readonly ip: string;
  /** RBLSMTPD. */
  readonly given: string | undefined;
  /** `base`, `base:text`, or `-a base` for an exception, in the order given. */
  readonly sources: readonly string[];
  /** Listed clients are refused for good. */
  readonly bounce: boolean;
  /** A list that cannot be asked counts as if it listed the client for now. */
  readonly failClosed: boolean;
  resolver(): Resolver;
}

/** Let through, or refuse with that reply. */
export type ClientDecision = { readonly kind: "accept" } | { readonly kind: "refuse"; readonly reply: string };

const ACCEPT: ClientDecision = { kind: "accept" };

function refusal(code: "451" | "553", reason: string): ClientDecision {
  const text = reason.slice(0, REASON_BYTES_MAX).replace(/[^ -~]/g, "?");
  return { kind: "refuse", reply: `${code} ${text}` };
}

/** The name of the client in a list. */
function listName(ip: string, base: string): string | undefined {
  const bytes = tryParseIp(ip);
  if (!bytes) return undefined;
  return reverseName(formatIp(unmappedIp(bytes))).replace(/(in-addr|ip6)\.arpa$/, base);
}

/** Asks the lists in turn until one decides. Never throws. */
export async function decideOnClient(question: ClientQuestion): Promise<ClientDecision> {
  const { ip, given } = question;
  if (given !== undefined) {
    if (given === "") return ACCEPT;
    const reason = given.replace(/^-/, "").replaceAll("%IP%", ip);
    return refusal(given.startsWith("-") ? "553" : "451", reason);
  }
  let mayBounce = question.bounce;
  for (const source of question.sources) {
    const isException = source.startsWith("-a ");
    const answer = isException
      ? await askList(question, { base: source.slice(3), text: "" })
      : await askList(question, splitSource(source));
    if (answer.kind === "unlisted") continue;
    if (answer.kind === "listed") return isException ? ACCEPT : refusal(mayBounce ? "553" : "451", answer.reason);
    mayBounce = false; // nothing is certain any more
    if (isException && !question.failClosed) return ACCEPT;
    if (!isException && question.failClosed) return refusal("451", "temporary RBL lookup error");
  }
  return ACCEPT;
}

interface Source {
  readonly base: string;
  /** Given: an A record decides, and this is the reason. */
  readonly text: string | undefined;
}

function splitSource(source: string): Source {
  const colon = source.indexOf(":");
  return colon < 0
    ? { base: source, text: undefined }
    : { base: source.slice(0, colon), text: source.slice(colon + 1) };
}

type ListAnswer = { readonly kind: "listed"; readonly reason: string } | { readonly kind: "unlisted" | "unknown" };

async function askList({ ip, resolver }: ClientQuestion, { base, text }: Source): Promise<ListAnswer> {
  const name = listName(ip, base);
  if (name === undefined) return { kind: "unlisted" };
  const answer = await resolver().resolve(name, text === undefined ? "TXT" : "A");
  if (answer.kind === "failed") return { kind: "unknown" };
  if (answer.kind === "none") return { kind: "unlisted" };
  const reason = text === undefined ? String(answer.values[0] ?? "") : text.replaceAll("%IP%", ip);
  return reason === "" && text === undefined ? { kind: "unlisted" } : { kind: "listed", reason };
}
