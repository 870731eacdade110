/** Unit tests of the log engine: its files in a temporary folder, a disk that fails, a crash, processors. */
import { preloadLibc } from "../../core/libc/libc.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Temporary, Usage } from "../../core/errors.ts";
import { type Disk, realDisk } from "../../storage/disk.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "../../tests/support/assert.ts";
import { LogEngine, type LogEngineOptions } from "./log_engine.ts";

preloadLibc();

/** A folder for logs and what the engine says of them. */
class Site {
  readonly directory = Deno.makeTempDirSync({ prefix: "multilog." });
  readonly warnings: string[] = [];

  open(script: readonly string[], options: Partial<LogEngineOptions> = {}): LogEngine {
    return LogEngine.open(script, {
      directory: this.directory,
      warn: (text) => this.warnings.push(text),
      sleep: () => Promise.resolve(),
      ...options,
    });
  }

  text(name: string): string {
    return Deno.readTextFileSync(`${this.directory}/${name}`);
  }

  mode(name: string): number {
    return (Deno.statSync(`${this.directory}/${name}`).mode ?? 0) & 0o777;
  }

  old(folder: string): string[] {
    const names = [...Deno.readDirSync(`${this.directory}/${folder}`)].map(({ name }) => name);
    return names.filter((name) => name.startsWith("@")).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function lines(count: number, from = 0): string {
  return Array.from({ length: count }, (_, at) => `line ${String(at + from).padStart(5, "0")}\n`).join("");
}

Deno.test("a log is written to current, open with mode 644 and complete with mode 744", async () => {
  using site = new Site();
  const engine = site.open(["./main"]);
  await engine.write(latin1Bytes("one\ntwo\nthr"));
  assertEquals(site.text("main/current"), "one\ntwo\n");
  assertEquals(site.mode("main/current"), 0o644);
  await engine.write(latin1Bytes("ee"));
  await engine.close();
  assertEquals(site.text("main/current"), "one\ntwo\nthree\n");
  assertEquals(site.mode("main/current"), 0o744);
  const again = site.open(["./main"]);
  await again.write(latin1Bytes("four\n"));
  assertEquals(site.mode("main/current"), 0o644);
  await again.close();
  assertEquals(site.text("main/current"), "one\ntwo\nthree\nfour\n");
  assertEquals(site.old("main"), []);
});

Deno.test("current ends at the first newline within 2000 bytes of the size", async () => {
  using site = new Site();
  const engine = site.open(["s4096", "n100", "./main"]);
  const text = lines(1000);
  for (let at = 0; at < text.length; at += 777) await engine.write(latin1Bytes(text.slice(at, at + 777)));
  await engine.close();
  const old = site.old("main");
  assert(old.every((name) => name.length === 27 && name.endsWith(".s")));
  assert(old.every((name) => site.mode(`main/${name}`) === 0o744));
  const parts = old.map((name) => site.text(`main/${name}`));
  assert(parts.every((part) => part.length >= 2096 && part.length < 2096 + 11));
  assertEquals(parts.join("") + site.text("main/current"), text);
});

Deno.test("a line longer than the size is cut at the size", async () => {
  using site = new Site();
  const engine = site.open(["s4096", "./main"]);
  await engine.write(latin1Bytes("x".repeat(10_000) + "\n"));
  await engine.close();
  const sizes = site.old("main").map((name) => site.text(`main/${name}`).length);
  assertEquals([...sizes, site.text("main/current").length], [4096, 4096, 1809]);
});

Deno.test("one old file less than the number is kept", async () => {
  using site = new Site();
  const engine = site.open(["s4096", "n3", "./main"]);
  await engine.write(latin1Bytes(lines(2000)));
  await engine.close();
  assertEquals(site.old("main").length, 2);
  assert((site.text(`main/${site.old("main")[1]}`) + site.text("main/current")).endsWith(lines(1, 1999)));
});

Deno.test("rotate ends current unless it is empty", async () => {
  using site = new Site();
  const engine = site.open(["./main"]);
  engine.rotate();
  await engine.write(latin1Bytes("one\ntw"));
  engine.rotate();
  engine.rotate();
  await engine.write(latin1Bytes("o\n"));
  await engine.close();
  assertEquals(site.old("main").map((name) => site.text(`main/${name}`)), ["one\n"]);
  assertEquals(site.text("main/current"), "two\n");
});

Deno.test("patterns choose the lines of each folder, alerts and status files", async () => {
  using site = new Site();
  let alerts = "";
  const engine = site.open(["./all", "-*", "+*fatal*", "e", "=status", "./main"], {
    alert: (bytes) => alerts += new TextDecoder().decode(bytes),
  });
  await engine.write(latin1Bytes("a\nb fatal\nc\nd "));
  await engine.write(latin1Bytes(`fatal\n${"x".repeat(300)}\n${"y".repeat(990)}fatal    fatal\n`));
  await engine.write(latin1Bytes("last fatal"));
  await engine.close();
  assertEquals(site.text("main/current"), `b fatal\nd fatal\n${"y".repeat(990)}fatal    fatal\nlast fatal\n`);
  assertEquals(site.text("all/current").length, 2 + 8 + 2 + 8 + 301 + 1005 + 11);
  assertEquals(alerts, `b fatal\nd fatal\n${"y".repeat(200)}...\nlast fatal\n`);
  assertEquals(site.text("status"), `last fatal${"\n".repeat(991)}`);
});

Deno.test("a stamp stands before each line and patterns see it", async () => {
  using site = new Site();
  const engine = site.open(["t", "-*", "+* yes*", "./main"]);
  for (const byte of "no\nyes 1\nyes 2\n") await engine.write(latin1Bytes(byte));
  await engine.close();
  assertMatch(site.text("main/current"), /^@4000000[0-9a-f]{17} yes 1\n@4000000[0-9a-f]{17} yes 2\n$/);
});

Deno.test("lines are dropped while logging is off, at line boundaries", async () => {
  using site = new Site();
  const engine = site.open(["./main"]);
  await engine.write(latin1Bytes(`one\n${"x".repeat(2000)}`));
  engine.setLogging(false);
  await engine.write(latin1Bytes("end\ntwo\nthr"));
  engine.setLogging(true);
  await engine.write(latin1Bytes("ee\nfour\n"));
  await engine.close();
  assertEquals(site.text("main/current"), `one\n${"x".repeat(2000)}end\nthree\nfour\n`);
});

Deno.test("a log that another has is refused", async () => {
  using site = new Site();
  const engine = site.open(["./main"]);
  assertThrows(() => site.open(["./main"]), Temporary, /another multilog/);
  assertThrows(() => site.open(["./other", "./other"]), Temporary, /another multilog/);
  await engine.close();
  await site.open(["./other", "./main"]).close();
  assertThrows(() => site.open(["sx", "./main"]), Usage, /size/);
  assertThrows(() => site.open(["./absent/main"]), Temporary, /absent/);
  await assertRejects(() => site.open(["=absent/status", "./main"]).ready(), Temporary, /absent/);
});

Deno.test("after a crash current becomes a file of code u", async () => {
  using site = new Site();
  Deno.mkdirSync(`${site.directory}/main`);
  for (const name of ["previous", "current", "processed", "state"]) {
    Deno.writeTextFileSync(`${site.directory}/main/${name}`, `${name}\n`, { mode: 0o644 });
  }
  const engine = site.open(["./main"]);
  await engine.write(latin1Bytes("new\n"));
  await engine.close();
  assertEquals(site.old("main").map((name) => name.slice(-2) + site.text(`main/${name}`)), [
    ".uprevious\n",
    ".ucurrent\n",
  ]);
  assertEquals([site.text("main/current"), site.text("main/state")], ["new\n", ""]);
});

Deno.test("after a crash a complete processed file is kept and its source removed", async () => {
  using site = new Site();
  Deno.mkdirSync(`${site.directory}/main`);
  for (const name of ["previous", "processed"]) Deno.writeTextFileSync(`${site.directory}/main/${name}`, name);
  Deno.chmodSync(`${site.directory}/main/processed`, 0o744);
  await site.open(["./main"]).close();
  assertEquals(site.old("main").map((name) => name.slice(-2) + site.text(`main/${name}`)), [".sprocessed"]);
});

Deno.test("a processor gets the old file, its state of the time before, and is run again when it fails", async () => {
  using site = new Site();
  const script = "cat <&4; tr a-z A-Z; date >>../times; echo state >&5; test -e ../ok || { touch ../ok; exit 1; }";
  const engine = site.open([`!${script}`, "./main"]);
  for (const text of ["one\n", "two\n"]) {
    await engine.write(latin1Bytes(text));
    engine.rotate();
  }
  await engine.close();
  const old = site.old("main").map((name) => `${name.slice(-2)} ${site.text(`main/${name}`)}`);
  assertEquals(old, [".s ONE\n", ".s state\nTWO\n"]);
  assertEquals(site.text("times").split("\n").length, 4);
  assertEquals([site.text("main/state"), site.warnings.length], ["state\n", 1]);
});

/** The real disk, but appends stop after some bytes, as often as told. */
function fullDisk(bytesFree: number): Disk & { failures: number } {
  return {
    ...realDisk,
    failures: 0,
    async open(path, options) {
      const file = await realDisk.open(path, options);
      const append = async (bytes: Uint8Array) => {
        const part = bytes.subarray(0, Math.min(bytesFree, bytes.length));
        await file.append(part);
        bytesFree -= part.length;
        if (part.length === bytes.length) return;
        bytesFree += 5;
        this.failures++;
        throw new Error("No space left on device");
      };
      return Object.assign(Object.create(file), {
        append,
        sync: () => file.sync({ metadata: true }),
        stat: () => file.stat(),
        close: () => file.close(),
      });
    },
  };
}

Deno.test("a full disk is waited for and nothing is lost or doubled", async () => {
  using site = new Site();
  const disk = fullDisk(100);
  const engine = site.open(["s4096", "n100", "./main"], { disk });
  const text = lines(500);
  for (let at = 0; at < text.length; at += 500) await engine.write(latin1Bytes(text.slice(at, at + 500)));
  await engine.close();
  const parts = site.old("main").map((name) => site.text(`main/${name}`));
  assertEquals(parts.join("") + site.text("main/current"), text);
  assert(disk.failures > 100);
  assertMatch(site.warnings[0] ?? "", /unable to write to current in \.\/main, pausing: No space left/);
});
