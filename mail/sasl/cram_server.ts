/** The server's side of CRAM-MD5 [rfc2195 2] and of its kin with other hashes [spec formats 11]: the server speaks first. */
import { challenge, malformed, refusedName, responseText } from "./exchange.ts";
import type { CramHash, SaslExchange, SaslVerifier } from "./exchange.ts";

/** Hexadecimal digits of a digest. */
const DIGITS: Readonly<Record<CramHash, number>> = {
  md5: 32,
  sha1: 40,
  ripemd160: 40,
  sha224: 56,
  sha256: 64,
  sha384: 96,
  sha512: 128,
};

/** One exchange; `sent` is the challenge, with the angle brackets of a Message-ID. */
export function serveCram<R>(hash: CramHash, verifier: SaslVerifier<R>, sent: string): SaslExchange<R> {
  let asked = false;
  return {
    async step(response) {
      if (!asked) {
        if (response !== undefined) return malformed("this mechanism has no initial response");
        asked = true;
        return challenge(sent);
      }
      const text = responseText(response ?? new Uint8Array()) ?? "";
      const blank = text.lastIndexOf(" ");
      const digestHex = text.slice(blank + 1).toLowerCase();
      if (blank < 1 || text.includes("\0") || digestHex.length !== DIGITS[hash] || !/^[0-9a-f]+$/.test(digestHex)) {
        return malformed(`a user name, a blank and ${DIGITS[hash]} hexadecimal digits were due`);
      }
      const user = text.slice(0, blank);
      const refused = refusedName(user);
      if (refused !== undefined) return malformed(refused);
      return { kind: "finished", result: await verifier.verifyCram(user, { hash, challenge: sent, digestHex }) };
    },
  };
}
