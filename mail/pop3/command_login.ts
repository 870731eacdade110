/** Commands of the AUTHORIZATION state: CAPA, STLS, USER, PASS, AUTH, and QUIT of every state. */
import { Permanent } from "../../core/errors.ts";
import { decodeUtf8OrLatin1 } from "../mime/charset.ts";
import { formatBase64, parseBase64 } from "../sasl/base64.ts";
import { startSasl } from "../sasl/server.ts";
import { parseArguments } from "./parse.ts";
import { accept, capabilityLines, type Pop3Reply, reject } from "./replies.ts";
import type { Pop3Context } from "./session_types.ts";

/** Longest response of a SASL exchange, bytes of base64 [rfc4954 4]. */
export const SASL_LINE_BYTES_MAX = 12_288;
/** Steps of one SASL exchange: no mechanism has more than three. */
const SASL_STEPS_MAX = 10;

/** [rfc2449 5] */
export function runCapa(session: Pop3Context): undefined {
  session.out.line("+OK these");
  for (const line of capabilityLines(session.capabilities())) session.out.line(line);
  session.out.line(".");
}

/** [rfc2595 4]: what comes in plain text behind the command is refused, it could be anybody's. */
export async function runStls(session: Pop3Context): Promise<Pop3Reply | undefined> {
  const { wire, settings } = session;
  if (wire.tls) return reject("TLS is on already");
  if (!settings.tls || !wire.startTls) return reject("TLS is not available");
  if (session.input.waitingBytes > 0) {
    session.finish("refused");
    return reject("nothing may follow STLS before TLS is on");
  }
  session.out.line("+OK begin TLS now");
  await session.flush();
  try {
    await wire.startTls(settings.tls);
  } catch (error) {
    session.finish("disconnected"); // the stream is neither plain nor TLS any more
    wire.close();
    throw error;
  }
  session.input.drop();
  session.user = undefined;
  session.secured();
  return undefined;
}

/** [rfc1939 7, USER]: says nothing of whether there is such a user. */
export function runUser(session: Pop3Context, rest: string): Pop3Reply {
  if (!session.capabilities().plainTextAllowed) return reject("use STLS first", "AUTH");
  if (rest.trim() === "") throw new Permanent("an argument is missing");
  session.user = rest.trim();
  return accept("password, please");
}

/** [rfc1939 7, PASS] */
export async function runPass(session: Pop3Context, rest: string): Promise<Pop3Reply> {
  const { user } = session;
  if (user === undefined) return reject("USER first");
  if (rest === "") throw new Permanent("an argument is missing");
  session.user = undefined;
  const { verifier } = session.settings.authenticator;
  const login = await verifier.verifyPassword(decodeUtf8OrLatin1(user), decodeUtf8OrLatin1(rest));
  return await session.login(login, "USER");
}

/** [rfc5034 4]; without an argument the mechanisms are listed, as old clients expect. */
export async function runAuth(session: Pop3Context, rest: string): Promise<Pop3Reply | undefined> {
  const { authenticator, hostName, nonce, clock } = session.settings;
  const { mechanisms: offered } = session.capabilities();
  const [wanted, initial] = parseArguments(rest, 0, 2);
  if (wanted === undefined) {
    for (const line of ["+OK these", ...offered, "."]) session.out.line(line);
    return undefined;
  }
  const mechanism = authenticator.mechanisms.find((name) => name === wanted.toUpperCase());
  if (mechanism === undefined) return reject("unknown mechanism");
  if (!offered.includes(mechanism)) return reject("use STLS first", "AUTH");
  const exchange = startSasl(mechanism, authenticator.verifier, {
    hostName,
    nonce,
    nowMs: clock.nowMs(),
    tls: session.wire.tls,
    offered,
    service: "pop",
  });
  let response = initial === undefined ? undefined : parseBase64(initial === "=" ? "" : initial);
  if (initial !== undefined && response === undefined) return reject("the initial response is no base64");
  for (let steps = 0; steps < SASL_STEPS_MAX; steps++) {
    const step = await exchange.step(response);
    if (step.kind === "malformed") return reject(step.reason);
    if (step.kind === "finished") return await session.login(step.result, mechanism);
    session.out.line(`+ ${formatBase64(step.bytes)}`);
    const line = await session.input.line(SASL_LINE_BYTES_MAX);
    if (line === undefined) {
      session.finish("disconnected");
      return reject("gone");
    }
    if (line === "*") return reject("cancelled");
    response = parseBase64(line);
    if (response === undefined) return reject("the response is no base64");
  }
  return reject("too many steps");
}
