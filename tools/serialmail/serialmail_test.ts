/** The formats of serialmail: envelopes of files, results, netstrings, variables; however they are cut. */
import { assert, assertEquals, assertRejects, assertThrows } from "../../tests/support/assert.ts";
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { ClientResults } from "./client_results.ts";
import { commandVariables } from "./command_variables.ts";
import { readNames, writeResult } from "./file_names.ts";
import { parseFileEnvelope } from "./message_file.ts";
import { NetstringReader } from "./netstring_reader.ts";
import { statusOfExit } from "./serialcmd.ts";

/** Gives the bytes in parts of a size. */
function readerOf(bytes: Uint8Array, partBytes: number): ByteReader {
  let at = 0;
  return {
    read(into) {
      const part = bytes.subarray(at, at + Math.min(partBytes, into.length));
      into.set(part);
      at += part.length;
      return Promise.resolve(part.length === 0 ? null : part.length);
    },
  };
}

Deno.test("names come out as they went in, and one that is cut off is none", async () => {
  const names = ["new/1", "", "cur/ä b", "new/2"].map((name) => latin1Text(new TextEncoder().encode(name)));
  const bytes = latin1Bytes(`${names.join("\0")}\0cut`);
  for (const part of [1, 2, 5, 100]) {
    const got: string[] = [];
    for await (const name of readNames(readerOf(bytes, part))) got.push(name);
    assertEquals(got, names);
  }
  await assertRejects(
    async () => {
      for await (const name of readNames(readerOf(latin1Bytes("x".repeat(100_000)), 1000))) assert(name);
    },
    Temporary,
    /longer than/,
  );
});

Deno.test("a result is written as one line and read back, cut anywhere; what is no result is refused", async () => {
  const parts: Uint8Array[] = [];
  const output = {
    write: (bytes: Uint8Array) => {
      parts.push(bytes);
      return Promise.resolve();
    },
  };
  await writeResult(output, { name: "new/1", status: "K", text: "250 ok\n250 really\n" });
  await writeResult(output, { name: "new/2", status: "D", text: "\x01é".repeat(3000) });
  await writeResult(output, { name: "new/3", status: "Z", text: "" });
  const bytes = concatBytes(...parts, latin1Bytes("new/4\0?odd\nnew/5\0K"));
  for (const part of [1, 3, bytes.length]) {
    const results = new ClientResults();
    const got = [];
    for (let at = 0; at < bytes.length; at += part) got.push(...results.push(bytes.subarray(at, at + part)));
    assertEquals(got, [
      { name: "new/1", status: "K", text: "250 ok/250 really" },
      { name: "new/2", status: "D", text: "??".repeat(1000) },
      { name: "new/3", status: "Z", text: "" },
      { name: "new/4", status: "Z", text: "odd" },
    ]);
  }
  assertThrows(() => new ClientResults().push(new Uint8Array(70_000)), Temporary, /no result/);
});

Deno.test("netstrings are read one by one, cut anywhere; what is none, or too long, is refused", async () => {
  const texts = ["", "a", "Kok: 1,2", "x".repeat(300)];
  const bytes = latin1Bytes(texts.map((text) => `${text.length}:${text},`).join(""));
  for (const part of [1, 2, 7, 1000]) {
    const reader = new NetstringReader(readerOf(bytes, part), 1000);
    for (const text of texts) assertEquals(latin1Text(await reader.next()), text);
    await assertRejects(() => reader.next(), Temporary, /closed/);
  }
  for (const wrong of ["x", ":", "3:abcd", "1a:x,", "1234567890", "1001:"]) {
    await assertRejects(
      () => new NetstringReader(readerOf(latin1Bytes(wrong), 100), 1000).next(),
      Temporary,
      /no netstring|bytes/,
    );
  }
});

Deno.test("an envelope is the first two lines, its sender unquoted", () => {
  const text = 'Return-Path: <"a b"@c.example>\nDelivered-To: x-y@z.example\nSubject: x\n\n';
  const envelope = parseFileEnvelope(text)!;
  assertEquals([envelope.sender, envelope.recipient, text.slice(envelope.bodyAt)], [
    "a b@c.example",
    "x-y@z.example",
    "Subject: x\n\n",
  ]);
  assertEquals(parseFileEnvelope("Return-Path: <>\nDelivered-To: a@b\n")?.sender, "");
  assertEquals(parseFileEnvelope("Return-Path: <#@[]>\nDelivered-To: a@b\n")?.sender, "#@[]");
  for (
    const none of ["", "Subject: x\n", "Return-Path: <a>\n", "Return-Path: <a>\nDelivered-To: b", "Delivered-To: b\n"]
  ) {
    assertEquals(parseFileEnvelope(none), undefined);
  }
});

Deno.test("variables are cut at dashes and dots as qmail-local cuts them", () => {
  const envelope = parseFileEnvelope("Return-Path: <>\nDelivered-To: joe-a-b@mx.c.example\n")!;
  const more = { user: "joe", home: "/home/joe", modifiedMs: 1_000_000_000_000, nowMs: 1_000_000_099_000 };
  const { EXT, EXT2, EXT3, EXT4, HOST, HOST2, HOST3, HOST4, AGE, LOCAL, UFLINE } = commandVariables(envelope, more);
  assertEquals([EXT, EXT2, EXT3, EXT4, LOCAL], ["a-b", "b", "", "", "joe-a-b"]);
  assertEquals([HOST, HOST2, HOST3, HOST4, AGE], ["mx.c.example", "mx.c", "mx", "", "99"]);
  assertEquals(UFLINE, "From MAILER-DAEMON Sun Sep  9 01:46:40 2001\n");
  assertEquals([0, 99, 100, 64, 65, 70, 76, 77, 78, 112, 111, 1, 2, 255].map(statusOfExit).join(""), "KKDDDDDDDDZZZZ");
});
