/**
 * The messages of DIGEST-MD5: lists of `name=value` and `name="value"` [rfc2831 7.1]. Texts are bytes as characters (latin1)
 * here, whatever their charset.
 */

/** Longest message taken, characters [rfc2831 2.1.1]. */
export const DIGEST_MESSAGE_CHARACTERS_MAX = 4096;

/** One directive: blanks, name, `=`, token or quoted text; then a comma or the end. */
const DIRECTIVE =
  /[ \t\r\n]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[^])*)"|([^\s"(),/:;<=>?@[\\\]{}]+))[ \t\r\n]*(?:,|$)/y;

/** The directives of a message by lower-case name; undefined when it is none, or too long, or names one twice. */
export function parseDirectives(text: string): ReadonlyMap<string, string> | undefined {
  if (text.length > DIGEST_MESSAGE_CHARACTERS_MAX) return undefined;
  const directives = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const comma = /[ \t\r\n]*,/y; // an empty element [rfc2831 7.1]
    comma.lastIndex = at;
    if (comma.test(text)) {
      at = comma.lastIndex;
      continue;
    }
    DIRECTIVE.lastIndex = at;
    const found = DIRECTIVE.exec(text);
    if (!found) return /^[ \t\r\n]*$/.test(text.slice(at)) && directives.size > 0 ? directives : undefined;
    at = DIRECTIVE.lastIndex;
    const name = (found[1] ?? "").toLowerCase();
    if (directives.has(name)) return undefined;
    directives.set(name, found[2]?.replace(/\\([^])/g, "$1") ?? found[3] ?? "");
  }
  return directives;
}

/** Names whose values are never quoted [rfc2831 2.1.1] [rfc2831 2.1.2]. */
const BARE: ReadonlySet<string> = new Set([
  "algorithm",
  "charset",
  "nc",
  "qop",
  "response",
  "rspauth",
  "maxbuf",
  "stale",
]);

/** The message of directives. A challenge's `qop` is a list and quoted. */
export function formatDirectives(directives: Readonly<Record<string, string>>, side: "client" | "server"): string {
  return Object.entries(directives).map(([name, value]) => {
    const bare = BARE.has(name) && !(name === "qop" && side === "server");
    return `${name}=${bare ? value : `"${value.replace(/[\\"]/g, "\\$&")}"`}`;
  }).join(",");
}
