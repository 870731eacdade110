/** Dispatch, exit codes and messages; and a whole run of a program that the sources have. */
import { assert, assertEquals, assertThrows } from "../tests/support/assert.ts";
import type { AppletEntry } from "./applet.ts";
import { Denied, Permanent, Temporary, TimedOut, Usage } from "./errors.ts";
import { EXIT_DIALECTS } from "./exits.ts";
import { exitCodeOf, failureText } from "./failure.ts";
import { type Call, dispatch } from "./main.ts";

function entry(...names: string[]): AppletEntry {
  const load = () => Promise.reject(new Error("dispatch must not load"));
  return { names, room: "r", role: "tool", section: 1, summary: "s", daemon: false, load };
}

const ENTRIES = [entry("qmail-inject"), entry("indimail-serve", "serve"), entry("indimail")];

function chosen(call: Call): string {
  let root = "";
  const result = dispatch(ENTRIES, call, (directory) => root = `${directory}:`);
  if (result.kind !== "applet") {
    return `${root}${result.kind}${"name" in result && result.name ? ` ${result.name}` : ""}`;
  }
  return root + [result.entry.names[0], result.name, ...result.args].join(" ");
}

Deno.test("argv[0] chooses the program: bare, with a path, as login shells have it", () => {
  for (const argv0 of ["qmail-inject", "/usr/bin/qmail-inject", "./qmail-inject", "-qmail-inject"]) {
    assertEquals(chosen({ argv0, args: ["-n", "x"] }), "qmail-inject qmail-inject -n x");
  }
});

Deno.test("under its own name, or any that is no program, the first argument chooses", () => {
  for (const argv0 of ["indimail", "/opt/indimail", "deno", "mail-server-test"]) {
    assertEquals(chosen({ argv0, args: ["serve", "--domain", "x"] }), "indimail-serve serve --domain x");
    assertEquals(chosen({ argv0, args: ["indimail", "serve"] }), "indimail-serve serve");
  }
});

Deno.test("--root before the name is the installation's root; behind it, it is the program's", () => {
  assertEquals(chosen({ argv0: "indimail", args: ["--root", "/r", "serve"] }), "/r:indimail-serve serve");
  assertEquals(chosen({ argv0: "indimail", args: ["serve", "--root", "/r"] }), "indimail-serve serve --root /r");
  assertThrows(() => chosen({ argv0: "indimail", args: ["--root"] }), Usage, "--root needs a folder");
});

Deno.test("help and list are answered without a program", () => {
  assertEquals(chosen({ argv0: "indimail", args: [] }), "help");
  assertEquals(chosen({ argv0: "indimail", args: ["--help"] }), "help");
  assertEquals(chosen({ argv0: "indimail", args: ["help", "serve"] }), "help serve");
  assertEquals(chosen({ argv0: "qmail-inject", args: ["--help"] }), "help qmail-inject");
  assertEquals(chosen({ argv0: "indimail", args: ["--list", "--json"] }), "list");
});

Deno.test("what is no program goes to indimail itself, which refuses it or does it", () => {
  assertEquals(chosen({ argv0: "indimail", args: ["link", "/bin"] }), "indimail indimail link /bin");
  assertEquals(dispatch([], { argv0: "indimail", args: ["x"] }, () => {}), { kind: "unknown", name: "x" });
});

Deno.test("each kind of error has its exit code; what is unforeseen is always temporary", () => {
  const errors = [
    new Usage(""),
    new Permanent(""),
    new Denied(""),
    new Temporary(""),
    new TimedOut(""),
    new TypeError(""),
  ];
  assertEquals(errors.map((error) => exitCodeOf(error, EXIT_DIALECTS.qmail)), [100, 100, 100, 111, 111, 111]);
  assertEquals(errors.map((error) => exitCodeOf(error, EXIT_DIALECTS.checkpassword)), [2, 1, 1, 111, 111, 111]);
});

Deno.test("an error is told as name: fatal: message", async () => {
  assertEquals(
    await failureText(new Temporary("disk full"), "qmail-local", undefined),
    "qmail-local: fatal: disk full\n",
  );
});

Deno.test("a program whose output nobody reads any more ends without a word", async () => {
  const main = new URL("../main.ts", import.meta.url).pathname;
  const script = '{ "$0" run -A "$1" --list; echo "code $?" >&2; } | true';
  const { stderr } = await new Deno.Command("/bin/sh", { args: ["-c", script, Deno.execPath(), main] }).output();
  assertEquals(new TextDecoder().decode(stderr), "code 1\n");
});

Deno.test("a program that does not exist is named on standard error, with exit code 1", async () => {
  const main = new URL("../main.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", main, "no-such-program"],
  })
    .output();
  assertEquals({ code, stdout: stdout.length }, { code: 1, stdout: 0 });
  assert(new TextDecoder().decode(stderr).includes("no-such-program"));
});
