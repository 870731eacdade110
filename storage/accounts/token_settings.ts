/**
 * Where bearer tokens of OAUTHBEARER and XOAUTH2 are checked, from control files: by asking an introspection URL [rfc7662]
 * or by the signature of keys that a JWKS has [rfc7517]. The servers read whether there is anybody to ask, the lookup
 * daemon the rest [decision 0071].
 */
import { Permanent } from "../../core/errors.ts";
import type { ControlFiles } from "../control/control.ts";
import { shown } from "./names.ts";

/** The control files, with what each is for. */
export const TOKEN_CONTROL = [
  "oauthintrospection",
  "oauthclient",
  "oauthjwks",
  "oauthissuer",
  "oauthaudience",
  "oauthscope",
  "oauthclaim",
] as const;

/** The claim that names the user. */
export const CLAIM_DEFAULT = "email";

/** How tokens are checked. */
export interface TokenSettings {
  /** control/oauthintrospection: URL that is asked about tokens. */
  readonly introspectionUrl: string | undefined;
  /** control/oauthclient: who asks, `id:secret`. */
  readonly client: { readonly id: string; readonly secret: string } | undefined;
  /** control/oauthjwks: URLs, or paths of files, with the keys that sign tokens. */
  readonly jwks: readonly string[];
  /** control/oauthissuer: a token's `iss` must be one of these; none: any. */
  readonly issuers: readonly string[];
  /** control/oauthaudience: a token's `aud` must name one of these; none: any. */
  readonly audiences: readonly string[];
  /** control/oauthscope: each of these must be in a token's `scope`. */
  readonly scopes: readonly string[];
  /** control/oauthclaim: names the user by address. */
  readonly claim: string;
}

/** Whether there is anybody to check tokens. */
export function tokensConfigured(control: ControlFiles): boolean {
  return ["oauthintrospection", "oauthjwks"].some((name) => (control.lines(name) ?? []).length > 0);
}

/** The settings; undefined when tokens are not taken. Throws Permanent naming the control file that makes no sense. */
export function readTokenSettings(control: ControlFiles): TokenSettings | undefined {
  if (!tokensConfigured(control)) return undefined;
  const lines = (name: string) => (control.lines(name) ?? []).map((line) => line.trim());
  const [introspectionUrl, ...more] = lines("oauthintrospection").map((url) => checkedUrl(url, "oauthintrospection"));
  if (more.length > 0) throw new Permanent("control/oauthintrospection: give one URL");
  const jwks = lines("oauthjwks").map((place) => place.startsWith("/") ? place : checkedUrl(place, "oauthjwks"));
  const audiences = lines("oauthaudience");
  if (jwks.length > 0 && audiences.length === 0) {
    throw new Permanent("control/oauthaudience is missing: keys sign tokens for other services as well");
  }
  return Object.freeze({
    introspectionUrl,
    client: clientOf(control.line("oauthclient")),
    jwks,
    issuers: lines("oauthissuer"),
    audiences,
    scopes: lines("oauthscope"),
    claim: control.line("oauthclaim")?.trim() || CLAIM_DEFAULT,
  });
}

function clientOf(line: string | undefined): TokenSettings["client"] {
  if (line === undefined || line.trim() === "") return undefined;
  const [, id, secret] = /^([^:]+):(.*)$/.exec(line.trim()) ?? [];
  if (id === undefined || secret === undefined) throw new Permanent("control/oauthclient: give ID:SECRET");
  return { id, secret };
}

/** Tokens are secrets: they go over https, or stay on this host. */
function checkedUrl(text: string, file: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Permanent(`control/${file}: ${shown(text)} is not a URL`);
  }
  const isLocal = url.hostname === "localhost" || url.hostname === "[::1]" || url.hostname.startsWith("127.");
  if (url.protocol === "https:" || (url.protocol === "http:" && isLocal)) return text;
  throw new Permanent(`control/${file}: ${shown(text)} is neither https nor on this host`);
}
