/** Commands of the AUTHORIZATION state: CAPA, STLS, USER, PASS, AUTH, and QUIT of every state. */
import { Permanent } from "../../core/errors.ts";
import { decodeUtf8OrLatin1 } from "../mime/charset.ts";
import { runSaslLines, SASL_LINE_BYTES_MAX } from "../sasl/lines.ts";
import { startSasl } from "../sasl/server.ts";
import { parseArguments } from "./parse.ts";
import { accept, capabilityLines, type Pop3Reply, reject } from "./replies.ts";
import type { Pop3Context } from "./session_types.ts";

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
  const end = await runSaslLines(exchange, initial, (challenge) => {
    session.out.line(`+ ${challenge}`);
    return session.input.line(SASL_LINE_BYTES_MAX);
  });
  if (end.kind === "finished") return await session.login(end.result, mechanism);
  if (end.kind === "malformed") return reject(end.reason);
  session.finish("disconnected");
  return reject("gone");
}
