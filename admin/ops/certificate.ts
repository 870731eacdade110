/**
 * The self-signed certificate of the first run: key and certificate in one PEM file, as the original's servercert.pem.
 * For a start; an operator replaces it by one that peers can verify.
 */
import type { JsonGeneralName } from "@peculiar/x509";

const VALID_DAYS = 3650;
const DAY_MS = 86_400_000;
/** Clocks of peers may be behind. */
const BACKDATE_MS = DAY_MS;
const SERIAL_BYTES = 16;
const BASE64_LINE = 64;

/** Key and certificate in PEM for these host names (the first is the subject) and loopback addresses. ECDSA P-256. */
export async function selfSignedCertificate(hostNames: readonly [string, ...string[]], nowMs: number): Promise<string> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const serial = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  serial[0] = serial[0]! & 0x7f | 0x40; // positive, and of full length
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial.toHex(),
    name: `CN=${hostNames[0]}`,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + VALID_DAYS * DAY_MS),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        [
          ...new Set(hostNames),
        ].map((value): JsonGeneralName => ({ type: "dns", value })).concat(
          ["127.0.0.1", "::1"].map((value) => ({ type: "ip", value })),
        ),
      ),
    ],
  });
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const lines = key.toBase64().match(new RegExp(`.{1,${BASE64_LINE}}`, "g")) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n${
    certificate.toString("pem")
  }\n`;
}
