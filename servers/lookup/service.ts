/** The lookup daemon's service put together: answers and logins as one, logging of questions, counts as a line. */
import { errorText } from "../../core/errors.ts";
import type { Accounts } from "../../storage/accounts/accounts.ts";
import type { LookupService } from "../../storage/accounts/lookup_protocol.ts";
import type { Answers } from "./answers.ts";
import type { Logins } from "./login.ts";
import type { LookupCounts } from "./server.ts";

/** The service without a guard. */
export type UnguardedService = Omit<LookupService, "bans" | "unban">;

/** Answers and logins as one service. */
export function joinedService(answers: Answers, logins: Logins): UnguardedService {
  return {
    recipient: (address) => answers.recipient(address),
    account: (address) => answers.account(address),
    delivery: (address) => answers.delivery(address),
    realDomain: (domain) => Promise.resolve().then(() => answers.realDomain(domain)),
    filterRules: (address) => answers.filterRules(address),
    bulletins: (address) => answers.bulletins(address),
    bulletinGiven: (address, name) => answers.bulletinGiven(address, name),
    noteQuota: (address, usedBytes) => answers.noteQuota(address, usedBytes),
    forget: (key) => Promise.resolve().then(() => answers.forget(key)),
    relayGranted: (sender, remoteIp) => answers.relayGranted(sender, remoteIp),
    verifyPassword: (user, password, context) => logins.verifyPassword(user, password, context),
    verifyCram: (user, exchange, context) => logins.verifyCram(user, exchange, context),
    verifyDigest: (user, exchange, context) => logins.verifyDigest(user, exchange, context),
    verifyToken: (user, token, context) => logins.verifyToken(user, token, context),
    scramParameters: (user, hash, localHost) => logins.scramParameters(user, hash, localHost),
    verifyScram: (user, exchange, context) => logins.verifyScram(user, exchange, context),
  };
}

/** The service, with a log line for each question while `verbose.on`; never with a secret. */
export function verboseService(
  service: LookupService,
  verbose: { readonly on: boolean },
  line: (text: string) => void,
): LookupService {
  async function told<T>(question: string, asked: Promise<T>, answer: (value: T) => string): Promise<T> {
    try {
      const value = await asked;
      if (verbose.on) line(`inlookup: ${question}: ${answer(value)}`);
      return value;
    } catch (error) {
      if (verbose.on) line(`inlookup: ${question}: ${errorText(error)}`);
      throw error;
    }
  }
  const from = (context: { readonly service: string; readonly remoteHost: string }) =>
    `${context.service} from ${context.remoteHost}`;
  return {
    recipient: (address) => told(`recipient ${address}`, service.recipient(address), (status) => status.kind),
    account: (address) => told(`account ${address}`, service.account(address), (account) => account?.address ?? "none"),
    delivery: (address) => told(`delivery ${address}`, service.delivery(address), (target) => target.kind),
    realDomain: (domain) => told(`domain ${domain}`, service.realDomain(domain), (real) => real ?? "none"),
    filterRules: (address) =>
      told(`filter of ${address}`, service.filterRules(address), (rules) => `${rules.length} rules`),
    bulletins: (address) => told(`bulletins of ${address}`, service.bulletins(address), (list) => `${list.length}`),
    bulletinGiven: (address, name) =>
      told(`bulletin ${name} ${address}`, service.bulletinGiven(address, name), () => "noted"),
    noteQuota: (address, bytes) => told(`quota ${address} ${bytes}`, service.noteQuota(address, bytes), () => "noted"),
    forget: (key) => told(`forget ${key ?? "everything"}`, service.forget(key), () => "done"),
    relayGranted: (sender, ip) => told(`relay of ${sender} from ${ip}`, service.relayGranted(sender, ip), String),
    bans: () => service.bans(),
    unban: (key) => told(`unban ${key ?? "everybody"}`, service.unban(key), String),
    verifyPassword: (user, password, context) =>
      told(`password of ${user} ${from(context)}`, service.verifyPassword(user, password, context), (one) => one.kind),
    verifyCram: (user, exchange, context) =>
      told(`cram of ${user} ${from(context)}`, service.verifyCram(user, exchange, context), (one) => one.kind),
    verifyDigest: (user, exchange, context) =>
      told(
        `digest of ${user} ${from(context)}`,
        service.verifyDigest(user, exchange, context),
        (one) => one.result.kind,
      ),
    verifyToken: (user, token, context) =>
      told(`token of ${user} ${from(context)}`, service.verifyToken(user, token, context), (one) => one.kind),
    scramParameters: (user, hash, localHost) => service.scramParameters(user, hash, localHost),
    verifyScram: (user, exchange, context) =>
      told(`scram of ${user} ${from(context)}`, service.verifyScram(user, exchange, context), (one) => one.result.kind),
  };
}

/** Counts as `name:number` words. */
export function countsText(counts: LookupCounts): string {
  return Object.entries(counts).map(([name, count]) => `${name}:${count}`).join(" ");
}

/** Users warmed at most. */
const WARM_MAX = 20_000;

/** Answers beforehand for users who logged in lately (option -c). */
export async function warm(
  answers: Answers,
  accounts: Accounts,
  options: { readonly nowMs: () => number; readonly seconds: number },
): Promise<void> {
  const since = Math.floor(options.nowMs() / 1000) - options.seconds;
  for (const address of await accounts.lastauth.since(since, WARM_MAX)) await answers.recipient(address);
}
