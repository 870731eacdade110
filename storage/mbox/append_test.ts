/** Appending to an mbox: quoting, locking, and the old size after a failure. */
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import { assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { realDisk } from "../disk.ts";
import { appendToMbox, FromQuoter } from "./append.ts";

async function* chunksOf(text: string, size = text.length || 1): AsyncIterable<Uint8Array> {
  for (let at = 0; at < text.length; at += size) yield latin1Bytes(text.slice(at, at + size));
}

Deno.test("From_ lines are quoted the same whether the text comes whole or byte by byte", () => {
  const text = "From a\nx From b\n>From c\n>>From d\r\nFro\nFrom\n\nFrom e\n>F";
  const expected = ">From a\nx From b\n>>From c\n>>>From d\r\nFro\nFrom\n\n>From e\n>F\n\n";
  for (let size = 1; size <= text.length; size++) {
    const quoter = new FromQuoter();
    const parts: Uint8Array[] = [];
    for (let at = 0; at < text.length; at += size) parts.push(quoter.quote(latin1Bytes(text.slice(at, at + size))));
    parts.push(quoter.end());
    assertEquals(latin1Text(concatBytes(...parts)), expected, `${size} bytes at once`);
  }
});

Deno.test("messages are appended one after another with From_ line and blank line", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/mbox`;
  const message = { disk: realDisk, path, fromLine: "From a Thu\n", head: latin1Bytes("Return-Path: <a>\n") };
  await appendToMbox({ ...message, body: chunksOf("Subject: 1\n\nFrom x\n", 3) });
  await appendToMbox({ ...message, body: chunksOf("Subject: 2\n\nend") });
  assertEquals(
    await Deno.readTextFile(path),
    "From a Thu\nReturn-Path: <a>\nSubject: 1\n\n>From x\n\nFrom a Thu\nReturn-Path: <a>\nSubject: 2\n\nend\n\n",
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a body that fails half way leaves the old size and is temporary", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/mbox`;
  await Deno.writeTextFile(path, "From old\n\n");
  async function* failing(): AsyncIterable<Uint8Array> {
    yield latin1Bytes("half");
    throw new Error("source is gone");
  }
  await assertRejects(
    () => appendToMbox({ disk: realDisk, path, fromLine: "From b\n", head: new Uint8Array(0), body: failing() }),
    Temporary,
    "source is gone",
  );
  assertEquals(await Deno.readTextFile(path), "From old\n\n");
  await Deno.remove(folder, { recursive: true });
});
