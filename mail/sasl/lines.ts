/** A SASL exchange in lines of base64, as IMAP and POP3 have it: `+ CHALLENGE`, the client's response, `*` to cancel. */
import { formatBase64, parseBase64 } from "./base64.ts";
import type { SaslExchange } from "./exchange.ts";

/** Longest response of an exchange, bytes of base64 [rfc4954 4]. */
export const SASL_LINE_BYTES_MAX = 12_288;
/** Steps of one exchange: no mechanism has more than three. */
const STEPS_MAX = 10;

/** How an exchange ended: with the verifier's result, by what the client sent, or because the client has gone. */
export type SaslEnd<R> =
  | { readonly kind: "finished"; readonly result: R }
  | { readonly kind: "malformed"; readonly reason: string }
  | { readonly kind: "gone" };

/**
 * Runs an exchange to its end. `initial` is the initial response, base64 or `=` [rfc4959 3]; `ask` sends a challenge and
 * gives the client's line, undefined when there is none. Throws what the verifier and `ask` throw.
 */
export async function runSaslLines<R>(
  exchange: SaslExchange<R>,
  initial: string | undefined,
  ask: (challengeBase64: string) => Promise<string | undefined>,
): Promise<SaslEnd<R>> {
  let response = initial === undefined ? undefined : parseBase64(initial === "=" ? "" : initial);
  if (initial !== undefined && response === undefined) return malformed("the initial response is no base64");
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    const step = await exchange.step(response);
    if (step.kind !== "challenge") return step;
    const line = await ask(formatBase64(step.bytes));
    if (line === undefined) return { kind: "gone" };
    if (line === "*") return malformed("cancelled");
    response = parseBase64(line);
    if (response === undefined) return malformed("the response is no base64");
  }
  return malformed("too many steps");
}

function malformed(reason: string): SaslEnd<never> {
  return { kind: "malformed", reason };
}
