/** Programs that run inside another one. */
import { assertEquals, assertRejects } from "../tests/support/assert.ts";
import { MemoryConnection } from "../tests/support/memory_connection.ts";
import { type Applet, defineApplet, type Proc } from "./applet.ts";
import { Temporary } from "./errors.ts";
import { canHost, runHosted } from "./hosted.ts";

const COMMON = { section: 1, summary: "x", role: "text", dialect: "chain", description: "x", source: [] } as const;
const text = (value: string) => new TextEncoder().encode(value);

const APPLETS: readonly Applet[] = [
  defineApplet({
    ...COMMON,
    names: ["serves"],
    hosted: "serves",
    options: { code: { flag: "c", value: "number", help: "" } },
    env: { COLOUR: "x" },
    async run(proc) {
      await proc.stdout.write(text(`${proc.name} ${proc.env.get("COLOUR")} ${proc.connection?.remote.port}`));
      if (proc.options.code === "temporary") throw new Temporary("not now");
      return Number(proc.options.code ?? 0);
    },
  }),
  defineApplet({
    ...COMMON,
    names: ["paint"],
    hosted: "chain",
    options: {},
    operands: [{ name: "colour", help: "" }, { name: "prog", help: "", repeat: true }],
    stopsAtOperand: true,
    run(proc) {
      const [colour = "", program = "", ...args] = proc.args;
      return proc.exec(program, args, { ...proc.env.all(), COLOUR: colour });
    },
  }),
  defineApplet({ ...COMMON, names: ["alone"], options: {}, run: () => Promise.resolve(0) }),
];

function host(): { proc: Proc; said: string[] } {
  const said: string[] = [];
  const parts = {
    name: "host",
    stderr: { write: (bytes: Uint8Array) => Promise.resolve(void said.push(new TextDecoder().decode(bytes))) },
    applet: (name: string) => Promise.resolve(APPLETS.find(({ names }) => names.includes(name))),
  };
  return { proc: parts as unknown as Proc, said }; // nothing else of it is used here
}

Deno.test("a program that declares it runs with the connection and its own environment", async () => {
  const { proc } = host();
  const connection = new MemoryConnection({ remote: { host: "192.0.2.9", port: 4711 } });
  const code = await runHosted(proc, { argv: ["serves", "-c", "7"], connection, env: { COLOUR: "red" } });
  assertEquals([code, connection.writes.join("")], [7, "serves red 4711"]);
});

Deno.test("a chain hands over inside, with the environment that it has made", async () => {
  const { proc } = host();
  const connection = new MemoryConnection();
  const argv = ["paint", "blue", "paint", "green", "serves", "-c3"];
  assertEquals(await canHost(proc, argv), true);
  assertEquals(await runHosted(proc, { argv, connection, env: {} }), 3);
  assertEquals(connection.writes.join(""), "serves green 40000");
});

Deno.test("foreign programs, and ours that do not declare it, cannot be hosted; nor can a wrong call", async () => {
  const { proc } = host();
  for (const argv of [["alone"], ["cat"], ["paint", "blue", "cat"], ["paint"], []]) {
    assertEquals(await canHost(proc, argv), false, argv.join(" "));
  }
  const call = { argv: ["alone"], connection: new MemoryConnection(), env: {} };
  await assertRejects(() => runHosted(proc, call), Temporary, "alone cannot run inside host");
});

Deno.test("what a hosted program throws is printed and becomes its exit code", async () => {
  const { proc, said } = host();
  const code = await runHosted(proc, { argv: ["serves", "-ctemporary"], connection: new MemoryConnection(), env: {} });
  assertEquals([code, said], [111, ["serves: fatal: not now\n"]]);
});
