/**
 * Names as people type them, made whole: the rules of /etc/dnsrewrite, or of the file that DNSREWRITEFILE names, or else
 * LOCALDOMAIN. A rule is a line: =name:new, *end:new, ?end:new (names without dots), -end:new (the whole name is new).
 */
import { errorText, Temporary } from "../errors.ts";

/** The file that is read unless DNSREWRITEFILE names another [man tcpserver.1]. */
export const REWRITE_FILE = "/etc/dnsrewrite";
/** Rules that are read. */
const RULES_MAX = 10_000;
/** Names that one name may stand for. */
const CANDIDATES_MAX = 100;

/** One rule. */
export interface RewriteRule {
  readonly kind: "=" | "*" | "?" | "-";
  readonly post: string;
  readonly becomes: string;
}

/** The rules of a text; lines that are none are comments. */
export function parseRewriteRules(text: string): RewriteRule[] {
  return text.split("\n").slice(0, RULES_MAX).flatMap((line) => {
    const match = /^([=*?-])([^:]*):(.*?)[ \t\r]*$/.exec(line);
    const kind = match?.[1];
    if (!match || (kind !== "=" && kind !== "*" && kind !== "?" && kind !== "-")) return [];
    return [{ kind, post: (match[2] ?? "").toLowerCase(), becomes: match[3] ?? "" }];
  });
}

function changed(name: string, { kind, post, becomes }: RewriteRule): string {
  const lower = name.toLowerCase();
  if (kind === "=") return lower === post ? becomes : name;
  if (!lower.endsWith(post) || (kind === "?" && /[.[\]]/.test(name))) return name;
  return kind === "-" ? becomes : name.slice(0, name.length - post.length) + becomes;
}

/** The names to be asked for, in order, until one has an address: a+.b+.c stands for a.b and a.c. */
export function rewriteName(host: string, rules: readonly RewriteRule[]): string[] {
  const [first = "", ...ends] = rules.reduce(changed, host).split("+").slice(0, CANDIDATES_MAX);
  return ends.length === 0 ? [first] : ends.map((end) => first + end);
}

/** The rules that count: of the file, else of LOCALDOMAIN. Throws Temporary when the file cannot be read. */
export function rewriteRules({ file, localDomain }: {
  readonly file: string | undefined;
  readonly localDomain: string | undefined;
}): RewriteRule[] {
  const path = file ?? REWRITE_FILE;
  let text = "";
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
  if (text !== "") return parseRewriteRules(text);
  const domains = localDomain?.split(/\s+/).filter((domain) => domain !== "") ?? [];
  if (domains.length === 0) return [];
  return parseRewriteRules(`?:${domains.map((domain) => `+.${domain}`).join("")}\n*.:\n`);
}
