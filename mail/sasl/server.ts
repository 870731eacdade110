/**
 * The server's side of a SASL exchange, one object an exchange, for SMTP AUTH, IMAP AUTHENTICATE and POP3 AUTH. Bytes are
 * raw: base64, `*` and line limits are the protocol's. Secrets stay with the verifier (the lookup daemon).
 */
import { challenge, malformed, refusedName, responseText, SASL_RESPONSE_BYTES_MAX, tooLong } from "./exchange.ts";
import type { SaslExchange, SaslStep, SaslVerifier } from "./exchange.ts";
import { ScramServer } from "./scram_server.ts";

export { SASL_RESPONSE_BYTES_MAX, SASL_TEXT_BYTES_MAX } from "./exchange.ts";
export type { SaslExchange, SaslStep, SaslVerifier } from "./exchange.ts";

/** Mechanisms offered [rfc4616] [rfc2195] [rfc5802] [rfc7677]; LOGIN has no RFC. */
export type SaslMechanism = "PLAIN" | "LOGIN" | "CRAM-MD5" | "SCRAM-SHA-1" | "SCRAM-SHA-256";

/** All of them, strongest first. */
export const SASL_MECHANISMS: readonly SaslMechanism[] = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"];

/** What an exchange needs beside the verifier. */
export interface SaslSettings {
  /** This host's name, for CRAM-MD5's challenge. */
  readonly hostName: string;
  /** Fresh random printable text without commas and blanks, at least 18 characters. */
  readonly nonce: () => string;
  /** Milliseconds since 1970, for CRAM-MD5's challenge. */
  readonly nowMs: number;
}

/** Begins an exchange. */
export function startSasl<R>(
  mechanism: SaslMechanism,
  verifier: SaslVerifier<R>,
  settings: SaslSettings,
): SaslExchange<R> {
  return limited(exchangeOf(mechanism, verifier, settings));
}

function exchangeOf<R>(
  mechanism: SaslMechanism,
  verifier: SaslVerifier<R>,
  settings: SaslSettings,
): SaslExchange<R> {
  switch (mechanism) {
    case "PLAIN":
      return plain(verifier);
    case "LOGIN":
      return login(verifier);
    case "CRAM-MD5":
      return cram(verifier, settings);
    case "SCRAM-SHA-1":
      return new ScramServer("sha-1", verifier, settings.nonce());
    case "SCRAM-SHA-256":
      return new ScramServer("sha-256", verifier, settings.nonce());
  }
}

/** Refuses what is too long and whatever comes after the end. */
function limited<R>(exchange: SaslExchange<R>): SaslExchange<R> {
  let over = false;
  return {
    async step(response) {
      if (over) return malformed("the exchange is over");
      if (response && response.length > SASL_RESPONSE_BYTES_MAX) {
        over = true;
        return malformed(`response longer than ${SASL_RESPONSE_BYTES_MAX} bytes`);
      }
      const step = await exchange.step(response);
      if (step.kind !== "challenge") over = true;
      return step;
    },
  };
}

async function checkPassword<R>(verifier: SaslVerifier<R>, user: string, password: string): Promise<SaslStep<R>> {
  const refused = refusedName(user) ??
    (password === "" ? "the password is empty" : tooLong(password) ? "the password is too long" : undefined);
  if (refused !== undefined) return malformed(refused);
  return { kind: "finished", result: await verifier.verifyPassword(user, password) };
}

/** [rfc4616 2]: authzid NUL authcid NUL password. */
function plain<R>(verifier: SaslVerifier<R>): SaslExchange<R> {
  let asked = false;
  return {
    async step(response) {
      if (response === undefined && !asked) {
        asked = true;
        return challenge("");
      }
      const fields = responseText(response ?? new Uint8Array())?.split("\0");
      if (fields?.length !== 3) return malformed("PLAIN needs authorization identity, user and password");
      const [authzid = "", user = "", password = ""] = fields;
      if (authzid !== "" && authzid !== user) return malformed("may not act for another user");
      return await checkPassword(verifier, user, password);
    },
  };
}

/** LOGIN as every client has it: two prompts, user name and password. */
function login<R>(verifier: SaslVerifier<R>): SaslExchange<R> {
  let state: "start" | "user" | "password" = "start";
  let user = "";
  return {
    async step(response) {
      if (state === "start" && response === undefined) {
        state = "user";
        return challenge("Username:");
      }
      const text = responseText(response ?? new Uint8Array());
      if (text === undefined || text.includes("\0")) return malformed("not text");
      if (state === "password") return await checkPassword(verifier, user, text);
      const refused = refusedName(text);
      if (refused !== undefined) return malformed(refused);
      user = text;
      state = "password";
      return challenge("Password:");
    },
  };
}

/** [rfc2195 2]: the server speaks first. */
function cram<R>(verifier: SaslVerifier<R>, settings: SaslSettings): SaslExchange<R> {
  let sent: string | undefined;
  return {
    async step(response) {
      if (sent === undefined) {
        if (response !== undefined) return malformed("CRAM-MD5 has no initial response");
        sent = `<${settings.nonce()}.${Math.trunc(settings.nowMs / 1000)}@${settings.hostName}>`;
        return challenge(sent);
      }
      const text = responseText(response ?? new Uint8Array()) ?? "";
      const blank = text.lastIndexOf(" ");
      const digestHex = text.slice(blank + 1).toLowerCase();
      if (blank < 1 || text.includes("\0") || !/^[0-9a-f]{32}$/.test(digestHex)) {
        return malformed("CRAM-MD5 needs a user name, a blank and 32 hexadecimal digits");
      }
      const user = text.slice(0, blank);
      const refused = refusedName(user);
      if (refused !== undefined) return malformed(refused);
      return { kind: "finished", result: await verifier.verifyCram(user, sent, digestHex) };
    },
  };
}
