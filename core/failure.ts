/**
 * What becomes of a thrown error at the end of a program: an exit code of its dialect and a line for the user. The only
 * place where errors are caught for good (with the Worker's end of a daemon).
 */
import type { Applet } from "./applet.ts";
import { Denied, errorText, Permanent, ReaderGone, Temporary, Usage } from "./errors.ts";
import type { ExitDialect } from "./exits.ts";
import { isCompiled } from "./self.ts";

/** The exit code of a thrown error. */
export function exitCodeOf(error: unknown, dialect: ExitDialect): number {
  if (error instanceof Usage) return dialect.usage;
  if (error instanceof Permanent) return dialect.permanent;
  if (error instanceof Denied) return dialect.denied;
  if (error instanceof Temporary) return dialect.temporary;
  return dialect.surprise;
}

/** What the user is told of a thrown error: `name: fatal: message`, for Usage with the synopsis behind it. */
export async function failureText(error: unknown, name: string, applet: Applet | undefined): Promise<string> {
  if (error instanceof ReaderGone) return "";
  const known = [Usage, Permanent, Denied, Temporary].some((kind) => error instanceof kind);
  const text = `${name}: fatal: ${errorText(error)}\n`;
  if (error instanceof Usage && applet) {
    const { usageText } = await import("./help.ts");
    return `${text}${usageText(applet, name)}\n`;
  }
  return known || isCompiled() || !(error instanceof Error) ? text : `${text}${error.stack ?? ""}\n`;
}
