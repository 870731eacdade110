/**
 * Server certificates from a folder: servercert.pem (chain and key in one PEM file), and NAME.pem for the name that a
 * client asks for (SNI). A file is read again when it has changed, looked at no more than once in RECHECK_MS.
 */
import { Buffer } from "node:buffer";
import { errorText, Temporary } from "../errors.ts";
import type { ServerTls } from "../stream.ts";

/** How long a file is believed to be unchanged. */
const RECHECK_MS = 2000;
/** Names kept; a peer can make up as many as it likes. */
const NAMES_MAX = 1000;
/** Bytes of a certificate file. */
const FILE_BYTES_MAX = 1024 * 1024;

/** A certificate chain and its key, PEM. The same object as long as the file is unchanged. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Where the certificates are. */
export interface CertificateOptions {
  /** Folder [spec formats]: paths.certs. */
  readonly folder: string;
  /** Default certificate, if not servercert.pem of the folder: SERVERCERT. */
  readonly file?: string;
  readonly nowMs?: () => number;
}

interface Kept {
  readonly stamp: string;
  readonly checkedMs: number;
  readonly certificate: Certificate | undefined;
}

/** Splits a PEM text into certificates and key. Throws Temporary naming `path` when one is missing. */
export function parseServerPem(text: string, path: string): Certificate {
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g) ?? [];
  const certificates = blocks.filter((block) => block.startsWith("-----BEGIN CERTIFICATE-----"));
  const key = blocks.find((block) => /^-----BEGIN (RSA |EC )?PRIVATE KEY-----/.test(block));
  if (certificates.length === 0) throw new Temporary(`${path} has no certificate`);
  if (key === undefined) throw new Temporary(`${path} has no private key`);
  return Object.freeze({ cert: `${certificates.join("\n")}\n`, key: `${key}\n` });
}

/** The server's own certificate, the first of a chain in PEM, as DER; undefined when there is none. */
export function certificateBytes(pem: string): Uint8Array | undefined {
  const [, base64] = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END/.exec(pem) ?? [];
  return base64 === undefined ? undefined : new Uint8Array(Buffer.from(base64, "base64"));
}

/** The certificates of a folder. */
export class CertificateFolder implements ServerTls {
  readonly #folder: string;
  readonly #file: string;
  readonly #nowMs: () => number;
  readonly #kept = new Map<string, Kept>();

  constructor(options: CertificateOptions) {
    this.#folder = options.folder;
    this.#file = options.file ?? `${options.folder}/servercert.pem`;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /** Whether there is a default certificate, so that TLS can be offered. Never throws: a broken file is none. */
  available(): boolean {
    try {
      return this.#read(this.#file) !== undefined;
    } catch (error) {
      if (error instanceof Temporary) return false;
      throw error;
    }
  }

  /** The certificate for a name, else the default. Throws Temporary when there is none. */
  certificate(serverName: string | undefined): Certificate {
    const name = serverName?.toLowerCase();
    if (name !== undefined && /^[a-z0-9_]([a-z0-9_.-]{0,252})$/.test(name) && !name.includes("..")) {
      const named = this.#read(`${this.#folder}/${name}.pem`);
      if (named) return named;
    }
    const certificate = this.#read(this.#file);
    if (!certificate) throw new Temporary(`no certificate: ${this.#file} is missing`);
    return certificate;
  }

  #read(path: string): Certificate | undefined {
    const kept = this.#kept.get(path);
    const nowMs = this.#nowMs();
    if (kept && nowMs - kept.checkedMs < RECHECK_MS) return kept.certificate;
    let stamp = "";
    let certificate: Certificate | undefined;
    try {
      const stat = Deno.statSync(path);
      stamp = `${stat.ino}.${stat.size}.${stat.mtime?.getTime()}`;
      if (kept?.stamp === stamp) certificate = kept.certificate;
      else {
        if (stat.size > FILE_BYTES_MAX) throw new Temporary(`${path} is larger than ${FILE_BYTES_MAX} bytes`);
        certificate = parseServerPem(Deno.readTextFileSync(path), path);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw new Temporary(`cannot read ${path}: ${errorText(error)}`);
    }
    if (this.#kept.size >= NAMES_MAX) this.#kept.clear();
    this.#kept.set(path, { stamp, checkedMs: nowMs, certificate });
    return certificate;
  }
}
