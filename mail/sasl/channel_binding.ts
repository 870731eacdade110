/**
 * Channel binding of TLS sessions [rfc5056]: what -PLUS mechanisms hash of the session, so that a login cannot be passed on
 * through another one. `tls-server-end-point` is the hash of the server's certificate [rfc5929 4]. The TLS library gives
 * neither exported keys nor Finished messages, so `tls-exporter` [rfc9266] and `tls-unique` cannot be had.
 */
import { createHash } from "node:crypto";
import type { TlsState } from "../../core/stream.ts";
import { bindsChannel, type SaslMechanism, sendsSecret } from "./mechanisms.ts";

/** The only kind of binding that both sides here have. */
export const END_POINT_BINDING = "tls-server-end-point";

/** Signature algorithms, DER of their object identifiers in hexadecimal, and the hash they give; MD5 and SHA-1 are replaced. */
const SIGNATURE_HASHES: Readonly<Record<string, string>> = {
  "2a864886f70d010104": "sha256", // md5WithRSA
  "2a864886f70d010105": "sha256", // sha1WithRSA
  "2a864886f70d01010e": "sha224",
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  "2a8648ce3d0401": "sha256", // ecdsaWithSHA1
  "2a8648ce3d040301": "sha224",
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
};
/** RSASSA-PSS: its hash is in the parameters [rfc4055 3.1]. */
const PSS = "2a864886f70d01010a";
const PSS_HASHES: Readonly<Record<string, string>> = {
  "2b0e03021a": "sha256", // SHA-1
  "608648016503040204": "sha224",
  "608648016503040201": "sha256",
  "608648016503040202": "sha384",
  "608648016503040203": "sha512",
};

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
const CONTEXT_0 = 0xa0;
/** Bytes of a length field: certificates are smaller than 16 MB. */
const LENGTH_BYTES_MAX = 3;

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** What comes behind it. */
  readonly rest: Uint8Array;
}

/** The first DER element of bytes; undefined when they are none. */
function element(bytes: Uint8Array): Element | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  if (lengthBytes > LENGTH_BYTES_MAX || (first === 0x80)) return undefined;
  const length = lengthBytes === 0
    ? first
    : bytes.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  const from = 2 + lengthBytes;
  if (bytes.length < from + length) return undefined;
  return { tag, content: bytes.subarray(from, from + length), rest: bytes.subarray(from + length) };
}

function content(bytes: Uint8Array | undefined, tag: number): Uint8Array | undefined {
  const found = bytes && element(bytes);
  return found?.tag === tag ? found.content : undefined;
}

function hexText(bytes: Uint8Array): string {
  return bytes.reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "");
}

/** The hash that a certificate's signature goes with; undefined for algorithms that have none of their own (Ed25519). */
function signatureHash(certificate: Uint8Array): string | undefined {
  const inside = content(certificate, SEQUENCE);
  const signed = inside && element(inside);
  const algorithm = content(signed?.rest, SEQUENCE);
  const name = algorithm && element(algorithm);
  if (name?.tag !== OBJECT_IDENTIFIER) return undefined;
  const identifier = hexText(name.content);
  if (identifier !== PSS) return SIGNATURE_HASHES[identifier];
  const parameters = content(name.rest, SEQUENCE);
  if (parameters === undefined) return undefined;
  const given = content(content(content(parameters, CONTEXT_0), SEQUENCE), OBJECT_IDENTIFIER);
  return given ? PSS_HASHES[hexText(given)] : "sha256"; // SHA-1 by default, replaced
}

/** The `tls-server-end-point` of a server's certificate (DER); undefined when it has none [rfc5929 4.1]. */
export function serverEndPoint(certificate: Uint8Array): Uint8Array | undefined {
  const hash = signatureHash(certificate);
  return hash === undefined ? undefined : new Uint8Array(createHash(hash).update(certificate).digest());
}

/** By certificate: servers present the same one again and again. */
const known = new WeakMap<Uint8Array, { readonly binding: Uint8Array | undefined }>();

/** What a login over this TLS session is bound to; undefined without TLS or where it cannot be told. */
export function channelBinding(tls: TlsState | undefined): Uint8Array | undefined {
  const certificate = tls?.serverCertificate;
  if (certificate === undefined) return undefined;
  let found = known.get(certificate);
  if (!found) known.set(certificate, found = { binding: serverEndPoint(certificate) });
  return found.binding;
}

/** What of a connection decides on mechanisms. */
export interface MechanismState {
  readonly tls: TlsState | undefined;
  /** Passwords and tokens may be sent as they are. */
  readonly plainTextAllowed: boolean;
}

/** Those of the mechanisms that can be used on a connection, in their order. */
export function usableMechanisms(
  mechanisms: readonly SaslMechanism[],
  state: MechanismState,
): readonly SaslMechanism[] {
  const binds = channelBinding(state.tls) !== undefined;
  return mechanisms.filter((name) => bindsChannel(name) ? binds : state.plainTextAllowed || !sendsSecret(name));
}
