/**
 * Certificates that are made here: key and certificate in one PEM file, as the original's servercert.pem; signed by
 * themselves, or by an authority of the operator's own. And what one of a file says of itself.
 */
import type { JsonGeneralName } from "@peculiar/x509";
import { errorText, Permanent } from "../errors.ts";
import { type Certificate, parseServerPem } from "./tls_server.ts";

const DAY_MS = 86_400_000;
/** Clocks of peers may be behind. */
const BACKDATE_MS = DAY_MS;
const SERIAL_BYTES = 16;
const BASE64_LINE = 64;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A certificate to make. */
export interface CertificateRequest {
  /** Host names; the first is the subject. Loopback addresses are named beside them. */
  readonly hostNames: readonly [string, ...string[]];
  readonly days: number;
  readonly nowMs: number;
  /** Address of whoever answers for the host. */
  readonly email?: string;
  /** Who signs it; itself unless given. */
  readonly authority?: Certificate;
}

/** What a file says of its certificate. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Whether it is good for servers, and for clients; one without a stated use is good for both [rfc5280 4.2.1.12]. */
  readonly isForServers: boolean;
  readonly isForClients: boolean;
  /** Whether the key in the file is the certificate's. */
  readonly hasItsKey: boolean;
}

async function loadX509() {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

/** The key that signs, for WebCrypto. Throws Permanent for a key that cannot sign. */
async function signingKey(authority: Certificate, algorithm: Readonly<Record<string, unknown>>): Promise<CryptoKey> {
  const { createPrivateKey } = await import("node:crypto");
  try {
    const key = new Uint8Array(createPrivateKey(authority.key).export({ type: "pkcs8", format: "der" }));
    const name = String(algorithm.name);
    return await crypto.subtle.importKey("pkcs8", key, { ...algorithm, name, hash: "SHA-256" }, false, ["sign"]);
  } catch (error) {
    throw new Permanent(`the authority's key cannot sign: ${errorText(error)}`);
  }
}

/** Key and certificate in PEM, and the authority's certificate behind them. ECDSA P-256. */
export async function makeCertificate(request: CertificateRequest): Promise<string> {
  const x509 = await loadX509();
  const { hostNames, days, nowMs, email, authority } = request;
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const serial = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  serial[0] = serial[0]! & 0x7f | 0x40; // positive, and of full length
  const names = [...new Set(hostNames)].map((value): JsonGeneralName => ({ type: "dns", value })).concat(
    ["127.0.0.1", "::1"].map((value) => ({ type: "ip", value })),
    email === undefined ? [] : [{ type: "email", value: email }],
  );
  const contents = {
    serialNumber: serial.toHex(),
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + days * DAY_MS),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(names),
    ],
  };
  const name = new x509.Name([{ CN: [hostNames[0]] }]).toString();
  let certificate;
  if (authority) {
    const signer = new x509.X509Certificate(authority.cert);
    const algorithm = { ...signer.publicKey.algorithm, hash: "SHA-256" };
    certificate = await x509.X509CertificateGenerator.create({
      ...contents,
      subject: name,
      issuer: signer.subject,
      publicKey: keys.publicKey,
      signingKey: await signingKey(authority, algorithm),
      signingAlgorithm: algorithm,
    });
  } else {
    certificate = await x509.X509CertificateGenerator.createSelfSigned({
      ...contents,
      name,
      keys,
      signingAlgorithm: ALGORITHM,
    });
  }
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const lines = key.toBase64().match(new RegExp(`.{1,${BASE64_LINE}}`, "g")) ?? [];
  const chain = [certificate.toString("pem"), ...(authority ? [authority.cert.trimEnd()] : [])];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n${chain.join("\n")}\n`;
}

/** What the first certificate of a file is. Throws Temporary or Permanent naming `path` when it is none. */
export async function certificateFacts(pem: string, path: string): Promise<CertificateFacts> {
  const { cert, key } = parseServerPem(pem, path);
  const x509 = await loadX509();
  const { createPublicKey } = await import("node:crypto");
  try {
    const certificate = new x509.X509Certificate(cert);
    const uses = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages.map(String);
    const isFor = (use: string) => uses === undefined || uses.includes(use);
    const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
    const ownKey = new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }));
    return {
      subject: certificate.subject,
      issuer: certificate.issuer,
      names: names.map(({ value }) => value),
      notBeforeMs: certificate.notBefore.getTime(),
      notAfterMs: certificate.notAfter.getTime(),
      isForServers: isFor(x509.ExtendedKeyUsage.serverAuth),
      isForClients: isFor(x509.ExtendedKeyUsage.clientAuth),
      hasItsKey: ownKey.toHex() === new Uint8Array(certificate.publicKey.rawData).toHex(),
    };
  } catch (error) {
    throw new Permanent(`${path} is no certificate: ${errorText(error)}`);
  }
}
