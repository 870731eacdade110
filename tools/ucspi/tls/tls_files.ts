/** Certificates, authorities and revocation lists as the options and variables of the TLS programs name them. */
import { errorText, Permanent, Temporary, Usage } from "../../../core/errors.ts";
import { CertificateFolder, parseServerPem } from "../../../core/net/tls_server.ts";
import type { ClientTls, ServerTls, TlsState, TlsVersion } from "../../../core/stream.ts";
import { certificateName, parseRevoked } from "./crl.ts";
import { TLS_METHODS } from "./tls_options.ts";

/** What was asked for; a name without a slash at its beginning is one in the folder. */
export interface TlsRequest {
  readonly folder: string;
  /** Certificate and key; empty or undefined: the default's name. */
  readonly certificate: string | undefined;
  /** TLS_CERTFILE, else servercert.pem or clientcert.pem. */
  readonly certificateDefault: string;
  /** Given by an option: must exist. */
  readonly authorities: string | undefined;
  /** CLIENTCA or SERVERCA, else clientca.pem or serverca.pem: may be absent. */
  readonly authoritiesDefault: string;
  readonly revoked: string | undefined;
  readonly revokedDefault: string;
  readonly method: string | undefined;
}

function inFolder(folder: string, name: string): string {
  return name.startsWith("/") || name.startsWith(".") ? name : `${folder}/${name}`;
}

function readOptional(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Temporary(`cannot read ${path}: ${errorText(error)}`);
  }
}

function readGiven(path: string): string {
  const text = readOptional(path);
  if (text === undefined) throw new Temporary(`cannot read ${path}: it does not exist`);
  return text;
}

/** The text of -a or -c, else of the default when it is there. */
function fileText(given: string | undefined, fallback: string): { text: string; path: string } | undefined {
  if (given) return { text: readGiven(given), path: given };
  const text = readOptional(fallback);
  return text === undefined ? undefined : { text, path: fallback };
}

/** The least version that -M allows. Throws Usage. */
export function leastVersion(method: string | undefined): TlsVersion | undefined {
  if (method === undefined) return undefined;
  if (!TLS_METHODS.some((known) => known === method)) throw new Usage(`option -M: there is no method ${method}`);
  return method === "TLSv1_3" ? "TLSv1.3" : "TLSv1.2";
}

/** Refuses certificates that are revoked; undefined when there is no list. */
function inspector(request: TlsRequest): ((certificate: Uint8Array) => void) | undefined {
  const file = fileText(request.revoked, inFolder(request.folder, request.revokedDefault));
  if (!file) return undefined;
  const revoked = parseRevoked(file.text, file.path);
  return (certificate) => {
    if (revoked.has(certificateName(certificate))) throw new Permanent("the certificate is revoked");
  };
}

/** The server side. Throws Temporary when a file is missing or wrong. */
export function serverTls(request: TlsRequest): ServerTls {
  const file = request.certificate || inFolder(request.folder, request.certificateDefault);
  const certificates = new CertificateFolder({ folder: request.folder, file });
  certificates.certificate(undefined);
  const clientCa = fileText(request.authorities, inFolder(request.folder, request.authoritiesDefault))?.text;
  return {
    certificate: (name) => certificates.certificate(name),
    clientCa,
    minVersion: leastVersion(request.method),
    inspectPeer: clientCa === undefined ? undefined : inspector(request),
  };
}

/**
 * The client side: with a file of authorities the server's certificate is checked against them, and with `name` its name
 * too. Our own certificate may be missing unless it was given by name.
 */
export function clientTls(request: TlsRequest, name: { readonly asked: string; readonly match?: string | undefined }) {
  const given = request.certificate || undefined;
  const pem = given === undefined
    ? readOptional(inFolder(request.folder, request.certificateDefault))
    : readGiven(given);
  const path = given ?? request.certificateDefault;
  const authorities = fileText(request.authorities, inFolder(request.folder, request.authoritiesDefault));
  const tls: ClientTls = {
    serverName: name.match ?? name.asked,
    verify: authorities !== undefined || name.match !== undefined,
    ...(authorities && { ca: authorities.text, onlyCa: true }),
    anyName: name.match === undefined,
    certificate: pem === undefined ? undefined : parseServerPem(pem, path),
    minVersion: leastVersion(request.method),
    inspectPeer: inspector(request),
  };
  return tls;
}

/** The value of TLS_PROVIDER. */
export function providerText(program: string, state: TlsState): string {
  const bits = /256|CHACHA20/.test(state.cipher) ? 256 : 128;
  return `${program}, TLS Server=${state.protocol}, Client=${state.protocol}, Ciphers=${state.cipher}, bits=${bits}`;
}
