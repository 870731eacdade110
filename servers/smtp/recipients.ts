/**
 * Who may be written to: refused addresses, relaying, and whether a recipient of ours exists. One object a process,
 * shared by all sessions [man qmail-smtpd.8].
 */
import { isLoopback } from "../../core/net/listener.ts";
import { domainOf, literalIp } from "../../mail/smtp/path.ts";
import { REPLIES, type SmtpReply } from "../../mail/smtp/replies.ts";
import type { Lookup, RecipientStatus } from "../../storage/accounts/lookup_types.ts";
import type { SmtpSettings } from "./settings.ts";

/** How long a known recipient is believed to be known still. Only good answers are kept: a kept one cannot bounce mail. */
const KNOWN_MS = 2000;
/** Recipients kept; then all are forgotten. */
const KNOWN_MAX = 10_000;

/** What of a client counts for its recipients. */
export interface SenderRights {
  /** Appended to recipients, when it may relay: RELAYCLIENT's value; undefined: may not relay. */
  readonly relay: string | undefined;
  /** It has logged in, but its account may not relay. */
  readonly authenticated: boolean;
  /** Asks whether its sender has read mail from there lately; undefined: that does not count. */
  readonly askGrant?: (() => Promise<boolean>) | undefined;
  /** Address of this host that it is connected to. */
  readonly localIp: string;
}

/** A recipient as it goes into the envelope, or the reply that refuses it. */
export type RecipientVerdict =
  | { readonly kind: "accepted"; readonly address: string }
  | { readonly kind: "refused"; readonly reply: SmtpReply };

/** Checks recipients. */
export class RecipientCheck {
  readonly #lookup: Lookup;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, number>();

  constructor(lookup: Lookup, nowMs: () => number) {
    this.#lookup = lookup;
    this.#nowMs = nowMs;
  }

  /** Forgets who was known. */
  forget(): void {
    this.#known.clear();
  }

  /** Whether mail for `recipient` is taken. The promise rejects with Temporary when the lookup daemon cannot be asked. */
  check(
    recipient: string,
    rights: SenderRights,
    settings: SmtpSettings,
  ): RecipientVerdict | Promise<RecipientVerdict> {
    let address = withLocalIpHost(recipient, rights.localIp, settings);
    if (settings.badRcptTo.hasAddress(address)) {
      return refused(553, "5.7.1", `recipient ${address} is in the list badrcptto`);
    }
    if (rights.relay !== undefined) address += rights.relay;
    const domain = domainOf(address);
    if (domain === "") return { kind: "accepted", address };
    const virtual = settings.virtualDomains.has(domain);
    const ours = virtual || settings.locals.has(domain);
    if (rights.relay === undefined && settings.rcptHosts && !settings.rcptHosts.hasDomain(domain)) {
      const why = rights.authenticated ? "your account may not relay" : "authentication is required to relay";
      const refusal = refused(553, "5.7.1", `domain ${domain} is not in the list of allowed rcpthosts, ${why}`);
      return rights.askGrant?.().then((granted) => granted ? { kind: "accepted", address } : refusal) ?? refusal;
    }
    if (!ours || !virtual || settings.checkedDomains?.hasDomain(domain) === false) return { kind: "accepted", address };
    return this.#exists(address);
  }

  #exists(address: string): RecipientVerdict | Promise<RecipientVerdict> {
    const key = address.toLowerCase();
    const nowMs = this.#nowMs();
    const untilMs = this.#known.get(key);
    if (untilMs !== undefined && nowMs < untilMs && nowMs >= untilMs - KNOWN_MS) return { kind: "accepted", address };
    return this.#lookup.recipient(key).then((status) => {
      if (status.kind !== "known") return verdictOf(status, address);
      if (this.#known.size >= KNOWN_MAX) this.#known.clear();
      this.#known.set(key, nowMs + KNOWN_MS);
      return { kind: "accepted", address };
    });
  }
}

function refused(code: number, enhanced: string, text: string): RecipientVerdict {
  return { kind: "refused", reply: { code, enhanced, text } };
}

function verdictOf(status: RecipientStatus, address: string): RecipientVerdict {
  switch (status.kind) {
    case "absent":
      return refused(550, "5.1.1", `no mailbox ${address} here`);
    case "inactive":
      return refused(550, "5.2.1", `mailbox ${address} is inactive`);
    case "over-quota":
      return refused(452, "4.2.2", `mailbox ${address} is over its quota`);
    case "known":
    case "not-local":
      return { kind: "accepted", address };
  }
}

/** `box@[IP]` of this host as box at localiphost. */
function withLocalIpHost(recipient: string, localIp: string, settings: SmtpSettings): string {
  if (!recipient.endsWith("]") || settings.localIpHost === undefined) return recipient;
  const at = recipient.lastIndexOf("@");
  const ip = literalIp(recipient.slice(at + 1));
  if (ip === undefined || settings.notIpMe.has(ip)) return recipient;
  const own = ip === localIp || isLoopback(ip) || settings.moreIpMe.has(ip);
  return own ? `${recipient.slice(0, at)}@${settings.localIpHost}` : recipient;
}

/** Too many recipients in one message [rfc5321 4.5.3.1.10]. */
export function tooManyRecipients(most: number): SmtpReply {
  return { code: 452, enhanced: "4.5.3", text: `more than ${most} recipients in one message` };
}

/** What all recipients of a message from a refused sender get [man qmail-smtpd.8, badmailfrom]. */
export function badSender(sender: string): SmtpReply {
  return { code: 553, enhanced: "5.7.1", text: `sender ${sender} is in the list badmailfrom` };
}

/** The reply for an accepted recipient. */
export const RECIPIENT_OK: SmtpReply = REPLIES.recipientOk;
