import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { type ForwardPlan, type ForwardTable, nulEntries, planForward, STEPS_MAX } from "./forward_plan.ts";

function table(records: Readonly<Record<string, string>>, lists: Readonly<Record<string, string>> = {}): ForwardTable {
  const joined = (text: string) => text.split(" ").map((entry) => `${entry}\0`).join("");
  return {
    find: (key) => records[key] === undefined ? undefined : key.startsWith("?") ? records[key] : joined(records[key]),
    readList(path) {
      if (lists[path] === undefined) throw new Error(`no ${path}`);
      return joined(lists[path]);
    },
  };
}

function plan(from: ForwardTable, recipient: string, sender = "s@x"): ForwardPlan | undefined {
  return planForward(from, { sender, recipient });
}

Deno.test("the first of user@host, @host and user@ that is there counts", () => {
  const all = { ":a@h.test": "&1", ":@h.test": "&2", ":a@": "&3" };
  assertEquals(plan(table(all), "A@H.test")?.recipients, ["1"]);
  assertEquals(plan(table(all), "b@h.test")?.recipients, ["2"]);
  assertEquals(plan(table(all), "a@other.test")?.recipients, ["3"]);
  assertEquals(plan(table(all), "b@other.test"), undefined);
  assertEquals(plan(table({ ":a": "&1" }), "a")?.recipients, ["1"]);
});

Deno.test("addresses are followed exactly, wildcards apply only to the one that came", () => {
  const found = plan(table({ ":a@h": "&b@h &c@i", ":b@h": "&d@h", ":@i": "&e@h", ":d@": "&f@h" }), "a@h");
  assertEquals(found?.recipients, ["d@h", "c@i"]);
});

Deno.test("an owner sends in his name, but for bounces; what has an owner of its own is forwarded", () => {
  const from = table({ ":l@h": "&a@h &m@h", "?l@h": "owner@h", ":m@h": "&b@h", "?m@h": "owner-m@h" });
  assertEquals(plan(from, "l@h"), { sender: "owner@h", programs: [], recipients: ["a@h", "m@h"], isLoop: false });
  assertEquals(plan(from, "l@h", "")?.sender, "");
  assertEquals(plan(from, "l@h", "#@[]")?.sender, "#@[]");
});

Deno.test("each address and list counts once, and loops end", () => {
  const lists = { "./l": "&a@h ./l /m", "/m": "&c@h ./l" };
  assertEquals(plan(table({ ":a@h": "&b@h ./l &b@h", ":b@h": "&a@h &c@h" }, lists), "a@h"), {
    sender: "s@x",
    programs: [],
    recipients: ["c@h"],
    isLoop: true,
  });
  assertEquals(plan(table({ ":a@h": "&b@h", ":b@h": "&a@h" }), "a@h")?.recipients, []);
});

Deno.test("programs are kept with their mark, odd entries and long addresses are passed over", () => {
  const found = plan(table({ ":a@h": `|p !q x & &${"y".repeat(900)}` }), "a@h");
  assertEquals(found?.programs, ["|p", "!q"]);
  assertEquals(found?.recipients, []);
});

Deno.test("what a list throws is thrown, and a table without end is", () => {
  assertThrows(() => plan(table({ ":a@h": "./gone" }), "a@h"), Error, "no ./gone");
  let count = 0;
  const endless: ForwardTable = { find: () => `&${++count}@h\0`, readList: () => "" };
  const noOwner: ForwardTable = { ...endless, find: (key) => key.startsWith("?") ? undefined : endless.find(key) };
  assertThrows(() => plan(noOwner, "a@h"), RangeError, `more than ${STEPS_MAX} addresses and lists`);
});

Deno.test("entries end with NUL; what has no end is none", () => {
  assertEquals(nulEntries(""), []);
  assertEquals(nulEntries("&a\0./b\0cut"), ["&a", "./b"]);
});
