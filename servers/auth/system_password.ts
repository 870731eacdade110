/**
 * Whether a login is right for an account of the system: the hash of the shadow file
 * [man sys-checkpwd.8]. Pure but for crypt(3).
 */
import { createHmac } from "node:crypto";
import { digestKeys } from "../../mail/sasl/digest_md5.ts";
import { isHashed, sameText, verifyPassword } from "../../storage/accounts/passwords.ts";
import { digestExchange, type LoginParts } from "./verify_login.ts";

/**
 * Checks a login against the stored hash; undefined (no such account) costs the same as a wrong password. With challenges
 * the hash itself is the secret: that is all there is, and clients have to be given it.
 */
export async function isRight(login: LoginParts, stored: string | undefined): Promise<boolean> {
  const { name, password, response, method } = login;
  if (password === "") return false;
  const usable = stored !== undefined && isHashed(stored) ? stored : undefined;
  switch (method.kind) {
    case "password":
      return await verifyPassword(password, password === usable ? undefined : usable);
    case "cram": {
      if (usable === undefined) return false;
      return sameText(createHmac(method.hash, usable).update(password).digest("hex"), response.toLowerCase());
    }
    case "digest": {
      const exchange = digestExchange(password, response);
      if (!exchange || usable === undefined) return false;
      return sameText(digestKeys({ user: name, password: usable }, exchange).response, exchange.response);
    }
    default:
      return false;
  }
}
