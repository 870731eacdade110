/** The authenticator of a session whose user is authenticated already: nobody else can log in. */
import type { SaslMechanism, SaslVerifier } from "../../mail/sasl/server.ts";

const DENIED = { kind: "denied" } as const;

/** Offers no mechanism and denies everybody. */
export const NOBODY = {
  mechanisms: [] as readonly SaslMechanism[],
  verifier: {
    verifyPassword: () => Promise.resolve(DENIED),
    verifyCram: () => Promise.resolve(DENIED),
    verifyDigest: () => Promise.resolve({ result: DENIED, rspauth: "" }),
    verifyToken: () => Promise.resolve(DENIED),
    scramParameters: () => Promise.resolve({ saltBase64: "", iterations: 4096 }),
    verifyScram: () => Promise.resolve({ result: DENIED, serverSignatureBase64: "" }),
    succeeded: () => false,
  } satisfies SaslVerifier<typeof DENIED>,
};
