/**
 * Generated files: written, or compared with what is committed (`--check`). A file is replaced in one step, so that a
 * reader at the same time sees the old or the new one.
 */

/** Files by path below the checkout's root. */
export type GeneratedFiles = ReadonlyMap<string, string>;

/** The committed file; undefined when there is none. */
export function committedText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The paths whose committed text differs. */
export function staleFiles(root: string, files: GeneratedFiles): string[] {
  return [...files].filter(([path, text]) => committedText(`${root}/${path}`) !== text).map(([path]) => path);
}

/** Writes what differs and says which files these were. */
export function writeStaleFiles(root: string, files: GeneratedFiles): string[] {
  const stale = staleFiles(root, files);
  for (const path of stale) {
    const target = `${root}/${path}`;
    Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    const part = `${target}.${Deno.pid}`;
    Deno.writeTextFileSync(part, files.get(path) ?? "");
    Deno.renameSync(part, target);
  }
  return stale;
}

/** Text as `deno fmt` has it, so that a generated file passes the same gate as a written one. */
export async function formatted(text: string, kind: "ts" | "md"): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", kind, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout } = await child.output();
  if (code !== 0) throw new Error(`deno fmt of generated ${kind} ended with ${code}`);
  return new TextDecoder().decode(stdout);
}
