/** What is offered, and what a password then needs. */
import { assertEquals } from "../../tests/support/assert.ts";
import { ControlFiles } from "../control/control.ts";
import { neededCredential, offeredMechanisms } from "./auth_mechanisms.ts";

Deno.test("mechanisms come from the control file, strongest first, and without it only those any hash serves", async () => {
  const folder = await Deno.makeTempDir();
  const control = new ControlFiles(folder);
  assertEquals(offeredMechanisms(control), ["PLAIN", "LOGIN"]);
  await Deno.writeTextFile(`${folder}/authmechanisms`, "login\nnonsense\nCRAM-MD5\n# x\nSCRAM-SHA-256 \n");
  control.reread();
  assertEquals(offeredMechanisms(control), ["SCRAM-SHA-256", "CRAM-MD5", "LOGIN"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("clear text is stored only where an offered mechanism cannot do without", () => {
  assertEquals(neededCredential(["PLAIN", "LOGIN"]), { method: undefined, clearText: false });
  assertEquals(neededCredential(["SCRAM-SHA-256", "PLAIN"]), { method: "SCRAM-SHA-256", clearText: false });
  assertEquals(neededCredential(["SCRAM-SHA-1", "PLAIN"]), { method: "SCRAM-SHA-1", clearText: false });
  assertEquals(neededCredential(["SCRAM-SHA-256", "SCRAM-SHA-1"]), { method: "SCRAM-SHA-256", clearText: true });
  assertEquals(neededCredential(["CRAM-MD5", "PLAIN"]), { method: undefined, clearText: true });
});
