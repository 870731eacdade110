/**
 * Whether a login is right for an account of the system: the hash of the shadow file
 * [man sys-checkpwd.8]. Pure but for crypt(3).
 */
import { createHmac } from "node:crypto";
import { digestKeys } from "../../mail/sasl/digest_md5.ts";
import { isHashed, sameText, verifyPassword } from "../../storage/accounts/passwords.ts";
import { digestExchange, type LoginParts } from "./verify_login.ts";

/** What became of a login; `proof` is what the server shows the client in turn (DIGEST-MD5), else empty. */
export interface SystemVerdict {
  readonly right: boolean;
  readonly proof: string;
}

/**
 * Checks a login against the stored hash; undefined (no such account) costs the same as a wrong password. Challenges need a
 * secret that the system does not keep: with `hashIsSecret` it is the hash itself, which clients have to be given.
 */
export async function checkSystemLogin(
  login: LoginParts,
  stored: string | undefined,
  options: { readonly hashIsSecret: boolean },
): Promise<SystemVerdict> {
  const { name, password, response, method } = login;
  const wrong = { right: false, proof: "" };
  if (password === "") return wrong;
  const usable = stored !== undefined && isHashed(stored) ? stored : undefined;
  if (method.kind === "password") return { right: await verifyPassword(password, usable), proof: "" };
  if (usable === undefined || !options.hashIsSecret) return wrong;
  switch (method.kind) {
    case "cram": {
      const expected = createHmac(method.hash, usable).update(password).digest("hex");
      return { right: sameText(expected, response.toLowerCase()), proof: "" };
    }
    case "digest": {
      const exchange = digestExchange(password, response);
      if (!exchange) return wrong;
      const keys = digestKeys({ user: name, password: usable }, exchange);
      return { right: sameText(keys.response, exchange.response), proof: keys.rspauth };
    }
    default:
      return wrong;
  }
}
