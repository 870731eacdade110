/** What is offered, and what a password then needs. */
import { assertEquals } from "../../tests/support/assert.ts";
import { ControlFiles } from "../control/control.ts";
import { SASL_MECHANISMS } from "../../mail/sasl/mechanisms.ts";
import { MECHANISM_ENV, neededCredential, offeredMechanisms, scramHashOfRecords } from "./auth_mechanisms.ts";
import { CREDENTIAL_CHARACTERS_MAX, makeCredential } from "./credentials.ts";

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

Deno.test("kin of CRAM-MD5 and DIGEST-MD5 need clear text, -PLUS what its mechanism needs, tokens nothing", () => {
  assertEquals(neededCredential(["DIGEST-MD5", "PLAIN"]), { method: undefined, clearText: true });
  assertEquals(neededCredential(["CRAM-SHA512"]), { method: undefined, clearText: true });
  assertEquals(neededCredential(["SCRAM-SHA-512", "SCRAM-SHA-512-PLUS"]), {
    method: "SCRAM-SHA-512",
    clearText: false,
  });
  assertEquals(neededCredential(["SCRAM-SHA-1-PLUS"]), { method: "SCRAM-SHA-1", clearText: false });
  assertEquals(neededCredential(["XOAUTH2", "OAUTHBEARER"]), { method: undefined, clearText: false });
  assertEquals(scramHashOfRecords(["SCRAM-SHA-512"]), "sha-512");
  assertEquals(scramHashOfRecords(["SCRAM-SHA-512", "CRAM-MD5"]), undefined);
  assertEquals(scramHashOfRecords(["SCRAM-SHA-256", "CRAM-MD5"]), "sha-256");
});

Deno.test("each mechanism has its variable, and tokens are offered only where somebody checks them", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/authmechanisms`, SASL_MECHANISMS.join("\n"));
  const control = new ControlFiles(folder);
  const passwords = SASL_MECHANISMS.filter((name) => name !== "XOAUTH2" && name !== "OAUTHBEARER");
  assertEquals(offeredMechanisms(control), passwords);
  await Deno.writeTextFile(`${folder}/oauthjwks`, "https://issuer.test/keys\n");
  control.reread();
  assertEquals(offeredMechanisms(control), SASL_MECHANISMS);
  const gone = new Set<string>();
  for (const variable of Object.keys(MECHANISM_ENV)) {
    const left = offeredMechanisms(control, (name) => name === variable ? "" : undefined);
    const lost = SASL_MECHANISMS.filter((name) => !left.includes(name));
    assertEquals(lost.length, variable === "DISABLE_CRYPT" || variable === "DISABLE_AUTH_OAUTH2" ? 2 : 1, variable);
    for (const name of lost) gone.add(name);
  }
  assertEquals(gone.size, SASL_MECHANISMS.length);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a credential that is too long for its column keeps the clear text, which is enough", async () => {
  const long = "p".repeat(128);
  assertEquals(await makeCredential(long, { method: "SCRAM-SHA-256", keepClearText: true }), `{CRAM}${long}`);
  assertEquals(await makeCredential("p", { method: "SCRAM-SHA-512", keepClearText: true }), "{CRAM}p");
  const keys = await makeCredential(long, { method: "SCRAM-SHA-512" });
  assertEquals(keys.startsWith("{SCRAM-SHA-512}4096,") && keys.length <= CREDENTIAL_CHARACTERS_MAX, true);
  assertEquals((await makeCredential("p", { method: "SCRAM-SHA-256", keepClearText: true })).endsWith(":p"), true);
});
