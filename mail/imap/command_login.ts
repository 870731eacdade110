/** Commands of every state and of the time before login: CAPABILITY, ID, NOOP, LOGOUT, ENABLE, STARTTLS, LOGIN, AUTHENTICATE. */
import { decodeUtf8OrLatin1 } from "../mime/charset.ts";
import { runSaslLines, SASL_LINE_BYTES_MAX } from "../sasl/lines.ts";
import { sendsSecret, startSasl } from "../sasl/server.ts";
import { formatString } from "./format.ts";
import { bad, capabilityText, type Completion, no, ok } from "./replies.ts";
import type { CommandContext } from "./session_types.ts";

/** [rfc3501 6.1.1] */
export function runCapability(session: CommandContext): Completion {
  session.out.line(`* CAPABILITY ${capabilityText(session.capabilities())}`);
  return ok("these");
}

/** [rfc3501 6.1.3] */
export function runLogout(session: CommandContext): Completion {
  session.out.line("* BYE logging out");
  session.finish("logout");
  return ok("good bye");
}

/** [rfc2971 3.1] */
export function runId(session: CommandContext): Completion {
  const pairs = Object.entries(session.settings.serverId ?? {});
  const list = pairs.map(([name, value]) => `${formatString(name)} ${formatString(value)}`).join(" ");
  session.out.line(`* ID ${list === "" ? "NIL" : `(${list})`}`);
  return ok("pleased to meet you");
}

/** [rfc5161 3.1]: nothing that we offer has to be enabled. */
export function runEnable(session: CommandContext): Completion {
  session.out.line("* ENABLED");
  return ok("nothing to enable");
}

/** [rfc3501 6.2.1]: what comes in plain text behind the command is refused, it could be anybody's. */
export async function runStartTls(session: CommandContext): Promise<Completion> {
  const { wire, settings } = session;
  if (wire.tls) return bad("TLS is on already");
  if (!settings.tls || !wire.startTls) return no("TLS is not available");
  if (session.input.waitingBytes > 0) {
    session.finish("refused");
    return bad("nothing may follow STARTTLS before TLS is on");
  }
  session.out.line(`${session.tag} OK begin TLS now`);
  await session.flush();
  try {
    await wire.startTls(settings.tls);
  } catch (error) {
    // the stream is neither plain nor TLS any more: nothing can be answered
    session.finish("disconnected");
    wire.close();
    throw error;
  }
  session.input.drop();
  session.secured();
  return ALREADY_ANSWERED;
}

/** Stands for a completion that has been sent. */
export const ALREADY_ANSWERED: Completion = ok("");

/** [rfc3501 6.2.3] */
export async function runLogin(session: CommandContext, user: string, password: string): Promise<Completion> {
  if (!session.capabilities().plainTextAllowed) return no("use STARTTLS first", "PRIVACYREQUIRED");
  const verifier = session.settings.authenticator.verifier;
  const login = await verifier.verifyPassword(decodeUtf8OrLatin1(user), decodeUtf8OrLatin1(password));
  return await session.login(login, "LOGIN");
}

/** [rfc3501 6.2.2] [rfc4959] */
export async function runAuthenticate(
  session: CommandContext,
  given: { readonly mechanism: string; readonly initial?: string },
): Promise<Completion> {
  const { authenticator, hostName, nonce, clock } = session.settings;
  const mechanism = authenticator.mechanisms.find((name) => name === given.mechanism);
  if (mechanism === undefined) return no("unknown mechanism", "CANNOT");
  const { mechanisms: offered, plainTextAllowed } = session.capabilities();
  if (sendsSecret(mechanism) && !plainTextAllowed) return no("use STARTTLS first", "PRIVACYREQUIRED");
  if (!offered.includes(mechanism)) return no("that mechanism needs TLS", "CANNOT");
  const exchange = startSasl(mechanism, authenticator.verifier, {
    hostName,
    nonce,
    nowMs: clock.nowMs(),
    tls: session.wire.tls,
    offered,
    service: "imap",
  });
  const end = await runSaslLines(exchange, given.initial, (challenge) => {
    session.out.line(`+ ${challenge}`);
    return session.input.line(SASL_LINE_BYTES_MAX);
  });
  if (end.kind === "finished") return await session.login(end.result, mechanism);
  if (end.kind === "malformed") return bad(end.reason);
  session.finish("disconnected");
  return no("gone");
}
