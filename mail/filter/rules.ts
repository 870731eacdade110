/**
 * Filter rules: which header field is compared how with which keyword, and what happens to mail that matches
 * [spec formats 24] [man vcfilter.9].
 */
import { Permanent } from "../../core/errors.ts";
import { parseAddressList } from "../address/parse.ts";
import { decodeHeaderText } from "../header/encoded_word.ts";
import type { Header } from "../header/header.ts";
import { evaluateExpression } from "./expression.ts";
import { LinearRegex } from "./regex.ts";

/** Comparisons by their numbers. */
export const COMPARISONS = [
  "Equals",
  "Contains",
  "Does not contain",
  "Starts with",
  "Ends with",
  "My ID not in To, Cc, Bcc",
  "Numerical or Logical Expression",
  "RegExp",
] as const;

/** The number of the comparison that looks at no single field. */
export const NOT_TO_ME = 5;
const EXPRESSION = 6;
const REGEX = 7;

/** Header fields by their numbers; a site may append more. */
export const FILTER_HEADERS: readonly string[] = (
  "Return-Path From Subject To Cc Bcc Reply-To Date Sender User-Agent Message-Id MIME-Version Content-Type " +
  "Content-Transfer-Encoding Precedence Organization Errors-To List-Id Importance Mailing-List X-Sender " +
  "X-Mailing-List X-ML-Name X-List X-Loop X-BeenThere X-Sequence X-Mailer X-QHPSI X-Priority X-Mailer " +
  "X-Spam-Status X-Spam-Rating X-Bogosity Received X-Quarantine Domainkey-Signature DKIM-Signature DKIM-Status " +
  "Domainkey-Status X-Forwarded-To X-Forwarded-For Return-Receipt-To Disposition-Notification-To " +
  "Disposition-Notification-Options Original-Recipient"
).split(" ");

/** One rule. */
export interface FilterRule {
  /** `user@domain`, `prefilt@domain` or `postfilt@domain`. */
  readonly address: string;
  readonly number: number;
  readonly name: string;
  /** Index into the list of headers; -1 for none. */
  readonly header: number;
  /** Index into COMPARISONS. */
  readonly comparison: number;
  readonly keyword: string;
  /** A folder, `Inbox` or `/NoDeliver`. */
  readonly destination: string;
  /** `0`, `1`, `2&address`, `2|command` or the same with 3. */
  readonly bounceAction: string;
}

/** What a rule does to a message. */
export interface FilterAction {
  /** Folder of the Maildir++ (`Work`, `Lists.deno`); empty for the inbox; undefined: it is not kept. */
  readonly folder: string | undefined;
  /** It goes back to its sender. */
  readonly bounce: boolean;
  /** An address (`&a@b`) or a command (`|c`) that gets it; undefined for none. */
  readonly forward: string | undefined;
}

/** What mail is looked at for. */
export interface FilterSubject {
  readonly header: Header;
  /** Envelope sender, for Return-Path. */
  readonly sender: string;
  /** Addresses that are the user's own. */
  readonly own: readonly string[];
  /** Names of headers; FILTER_HEADERS and what the site has appended. */
  readonly headers: readonly string[];
}

/** The first rule that matches; undefined when none does. A rule that cannot be understood matches nothing. */
export function findFilterRule(rules: readonly FilterRule[], subject: FilterSubject): FilterRule | undefined {
  return rules.find((rule) => {
    try {
      return matches(rule, subject);
    } catch (error) {
      if (error instanceof Permanent) return false;
      throw error;
    }
  });
}

function matches(rule: FilterRule, subject: FilterSubject): boolean {
  if (rule.comparison === NOT_TO_ME) return !isToMe(subject);
  const name = subject.headers[rule.header];
  if (name === undefined) return false;
  const values = name.toLowerCase() === "return-path"
    ? [subject.sender]
    : subject.header.all(name.toLowerCase()).map((field) => decodeHeaderText(subject.header.valueOf(field)).trim());
  const keyword = rule.keyword.toLowerCase();
  const lower = values.map((value) => value.toLowerCase());
  switch (rule.comparison) {
    case 0:
      return lower.some((value) => value === keyword);
    case 1:
      return lower.some((value) => value.includes(keyword));
    case 2:
      return !lower.some((value) => value.includes(keyword));
    case 3:
      return lower.some((value) => value.startsWith(keyword));
    case 4:
      return lower.some((value) => value.endsWith(keyword));
    case EXPRESSION:
      return values.some((value) => (evaluateExpression(rule.keyword, value) ?? 0) !== 0);
    case REGEX: {
      const regex = new LinearRegex(rule.keyword);
      return values.some((value) => regex.test(value));
    }
    default:
      return false;
  }
}

function isToMe({ header, own }: FilterSubject): boolean {
  const mine = new Set(own.map((address) => address.toLowerCase()));
  const isMine = (text: string) =>
    parseAddressList(text).flatMap((one) => "members" in one ? one.members : [one])
      .some((one) => mine.has(`${one.local}@${one.domain}`.toLowerCase()));
  return ["to", "cc", "bcc"].some((name) => header.all(name).some((field) => isMine(header.valueOf(field))));
}

/** What a rule does. Throws Permanent when its texts are none that a rule can have. */
export function filterAction(rule: Pick<FilterRule, "destination" | "bounceAction">): FilterAction {
  const action = /^([0-3])(?:([&|])(.+))?$/.exec(rule.bounceAction === "" ? "0" : rule.bounceAction);
  if (!action) {
    throw new Permanent(`${JSON.stringify(rule.bounceAction)} is not 0, 1, 2&address, 2|command or 3&address`);
  }
  const [, kind = "", mark, target = ""] = action;
  if ((kind === "2" || kind === "3") !== (mark !== undefined)) {
    throw new Permanent(`${JSON.stringify(rule.bounceAction)}: 2 and 3 need &address or |command, 0 and 1 have none`);
  }
  return {
    folder: folderOf(rule.destination),
    bounce: kind === "1" || kind === "3",
    forward: mark === undefined ? undefined : `${mark}${target}`,
  };
}

function folderOf(destination: string): string | undefined {
  if (destination === "/NoDeliver") return undefined;
  if (destination === "" || destination.toLowerCase() === "inbox") return "";
  const folder = destination.replace(/^\.?\/?\.?/, "");
  const parts = folder.split(".");
  if (/[/\p{Cc}]/u.test(folder) || parts.some((part) => part === "") || folder.length > 150) {
    throw new Permanent(`${JSON.stringify(destination)} is not a folder, Inbox or /NoDeliver`);
  }
  return folder;
}
