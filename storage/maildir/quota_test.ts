import { assert, assertEquals } from "../../tests/support/assert.ts";
import { realDisk } from "../disk.ts";
import { createMaildir } from "./deliver.ts";
import { clearsOverQuota, formatQuota, isOverQuota, NO_QUOTA, tryQuota } from "./quota.ts";
import { addUsage, checkQuota, parseMaildirSize, type QuotaContext, recountUsage } from "./quota_size.ts";

Deno.test("quota texts of every form are understood, and what is none is not", () => {
  const cases: [string, [number, number] | undefined][] = [
    ["NOQUOTA", [0, 0]],
    ["noquota", [0, 0]],
    ["", [0, 0]],
    ["0S", [0, 0]],
    ["5242880S,1000C", [5242880, 1000]],
    ["1000C,5242880S", [5242880, 1000]],
    ["50M", [50 * 1024 ** 2, 0]],
    ["50m,1000", [50 * 1024 ** 2, 1000]],
    ["2GS,10C", [2 * 1024 ** 3, 10]],
    ["10k", [10240, 0]],
    ["1000C", [0, 1000]],
    ["/bin/sh", undefined],
    ["-5", undefined],
    ["5S,5S", undefined],
    ["5C,5C", undefined],
    ["1,2,3", undefined],
    ["5T", undefined],
    ["999999999999999G", undefined],
  ];
  for (const [text, expected] of cases) {
    assertEquals(tryQuota(text), expected && { bytes: expected[0], messages: expected[1] }, text);
  }
});

Deno.test("property: parsing a formatted quota gives it back, and random text never breaks the parser", () => {
  let seed = 20240601;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let round = 0; round < 2000; round++) {
    const quota = { bytes: random(2) * random(2 ** 31), messages: random(2) * random(100000) };
    assertEquals(tryQuota(formatQuota(quota)), quota, `seed ${seed}`);
    const text = Array.from({ length: random(12) }, () => "0123456789SCkMG,- \n"[random(19)]).join("");
    const parsed = tryQuota(text);
    if (parsed) assertEquals(tryQuota(formatQuota(parsed)), parsed, JSON.stringify(text));
    parseMaildirSize(text);
  }
});

Deno.test("over quota, and clear again only with room to spare", () => {
  const quota = { bytes: 2_000_000, messages: 3 };
  assert(!isOverQuota(quota, { bytes: 2_000_000, messages: 3 }));
  assert(isOverQuota(quota, { bytes: 2_000_001, messages: 1 }));
  assert(isOverQuota(quota, { bytes: 1, messages: 4 }));
  assert(!isOverQuota(NO_QUOTA, { bytes: 1e12, messages: 1e9 }));
  assert(!clearsOverQuota(quota, { bytes: 1_000_000, messages: 1 }));
  assert(clearsOverQuota(quota, { bytes: 900_000, messages: 1 }));
});

Deno.test("maildirsize sums its lines, takes either order, and a torn line makes it void", () => {
  assertEquals(parseMaildirSize("100C,5000S\n10 1\n   20 1\n-10 -1\n"), {
    quota: { bytes: 5000, messages: 100 },
    usage: { bytes: 20, messages: 1 },
  });
  assertEquals(parseMaildirSize("5000S\n10 1\n2"), undefined);
  assertEquals(parseMaildirSize("5000S\nx\n"), undefined);
  assertEquals(parseMaildirSize(""), undefined);
});

async function withMaildir(run: (context: QuotaContext) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const maildir = `${root}/Maildir`;
    await createMaildir(realDisk, maildir);
    for (const folder of [".Sent", ".Trash", ".Trash.Old"]) await createMaildir(realDisk, `${maildir}/${folder}`);
    Deno.writeTextFileSync(`${maildir}/new/1.a.h,S=100`, "x");
    Deno.writeTextFileSync(`${maildir}/cur/2.a.h:2,S`, "12345");
    Deno.writeTextFileSync(`${maildir}/.Sent/cur/3.a.h,S=1000:2,`, "x");
    Deno.writeTextFileSync(`${maildir}/.Trash/cur/4.a.h,S=1000:2,`, "x");
    Deno.writeTextFileSync(`${maildir}/.Trash.Old/cur/5.a.h,S=1000:2,`, "x");
    for (const folder of ["new", "cur"]) Deno.utimeSync(`${maildir}/${folder}`, 1, 1);
    await run({ disk: realDisk, maildir, nowMs: Date.now() });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("a missing maildirsize is counted without Trash, and changes are appended", async () => {
  await withMaildir(async (context) => {
    const quota = { bytes: 2000, messages: 0 };
    const fits = await checkQuota(context, quota, { bytes: 500, messages: 1 });
    assertEquals(fits, { kind: "fits", usage: { bytes: 1105, messages: 3 } });
    await addUsage(realDisk, context.maildir, { bytes: 500, messages: 1 });
    const size = Deno.readTextFileSync(`${context.maildir}/maildirsize`);
    assertEquals(size, "2000S\n1105 3\n500 1\n");
    assertEquals((await checkQuota(context, quota, { bytes: 100, messages: 1 })).usage.bytes, 1605);
    assertEquals((await recountUsage({ ...context, includeTrash: true }, quota)).bytes, 3105);
  });
});

Deno.test("full: counted anew before it is believed, unless fast; a small message passes", async () => {
  await withMaildir(async (context) => {
    const quota = { bytes: 2000, messages: 0 };
    const write = () => Deno.writeTextFileSync(`${context.maildir}/maildirsize`, "2000S\n1999 3\n");
    write();
    assertEquals((await checkQuota({ ...context, fast: true }, quota, { bytes: 1001, messages: 1 })).kind, "over");
    assertEquals((await checkQuota(context, quota, { bytes: 800, messages: 1 })).kind, "fits");
    write();
    assertEquals((await checkQuota(context, quota, { bytes: 1001, messages: 1 })).kind, "over");
    assertEquals((await checkQuota(context, quota, { bytes: 1000, messages: 1 })).kind, "small");
  });
});

Deno.test("too old, too long, negative or of another quota: counted anew", async () => {
  await withMaildir(async (context) => {
    const path = `${context.maildir}/maildirsize`;
    const quota = { bytes: 9000, messages: 0 };
    const used = async (more: Partial<QuotaContext> = {}) =>
      (await checkQuota({ ...context, ...more }, quota, { bytes: 1, messages: 1 })).usage.bytes;
    Deno.writeTextFileSync(path, "9000S\n1 1\n");
    assertEquals(await used(), 1);
    assertEquals(await used({ nowMs: context.nowMs + 43_300_000 }), 1105);
    Deno.writeTextFileSync(path, "9000S\n1 1\n" + "0 0\n".repeat(3000));
    assertEquals(await used(), 1105);
    Deno.writeTextFileSync(path, "9000S\n-1 1\n");
    assertEquals(await used(), 1105);
    Deno.writeTextFileSync(path, "8000S\n1 1\n");
    assertEquals(await used(), 1105);
  });
});

Deno.test("without a quota nothing is read or written", async () => {
  const check = await checkQuota({ disk: realDisk, maildir: "/nonexistent", nowMs: 0 }, NO_QUOTA, {
    bytes: 1,
    messages: 1,
  });
  assertEquals(check.kind, "fits");
  await addUsage(realDisk, "/nonexistent", { bytes: 1, messages: 1 });
});
