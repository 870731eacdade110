/** The server's side of the mechanisms that send the password itself: PLAIN [rfc4616] and LOGIN, which has no RFC. */
import { challenge, malformed, refusedName, responseText, tooLong } from "./exchange.ts";
import type { SaslExchange, SaslStep, SaslVerifier } from "./exchange.ts";

async function checkPassword<R>(verifier: SaslVerifier<R>, user: string, password: string): Promise<SaslStep<R>> {
  const refused = refusedName(user) ??
    (password === "" ? "the password is empty" : tooLong(password) ? "the password is too long" : undefined);
  if (refused !== undefined) return malformed(refused);
  return { kind: "finished", result: await verifier.verifyPassword(user, password) };
}

/** [rfc4616 2]: authzid NUL authcid NUL password. */
export function servePlain<R>(verifier: SaslVerifier<R>): SaslExchange<R> {
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
export function serveLogin<R>(verifier: SaslVerifier<R>): SaslExchange<R> {
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
