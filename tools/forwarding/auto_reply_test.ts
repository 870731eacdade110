import { assert, assertEquals } from "../../tests/support/assert.ts";
import { Header } from "../../mail/header/header.ts";
import { noteAnswer, recordName } from "./auto_reply_history.ts";
import { headerObjection, isLooping, senderObjection } from "./auto_reply_rules.ts";
import { autoReplyStart, expandText } from "./auto_reply_text.ts";
import { addressPattern } from "./refused_senders.ts";

const NOW_MS = Date.UTC(2026, 10, 23, 4);
const LIMIT = { answersMax: 1, seconds: 100 };

Deno.test("senders that are no people are told", () => {
  for (
    const sender of ["", "#@[]", "Mailer-Daemon@h", "mailer-daemon", "joe", "l-request@h", "OWNER-l@h", "l-owner@h"]
  ) {
    assert(senderObjection(sender) !== undefined, sender);
  }
  for (const sender of ["joe@h", "owner@h", "request@h", "mailer-daemons@h"]) {
    assertEquals(senderObjection(sender), undefined, sender);
  }
});

Deno.test("headers of lists, programs, mass mail and spam are told", () => {
  const objection = (field: string) =>
    headerObjection(new Header(`${field}\nTo: a@b\n\n`), { own: ["a@b"], lax: false });
  for (
    const field of [
      "List-Id: x",
      "List-Unsubscribe: x",
      "mailing-list: x",
      "X-Mailing-List: x",
      "X-ML-Name: x",
      "Auto-Submitted: auto-replied",
      "Auto-Submitted: auto-generated; x=y",
      "Auto-Submitted: notice",
      "Precedence: junk",
      "Precedence:  LIST",
      "X-Bogosity: Yes, spamicity=1",
    ]
  ) assert(objection(field) !== undefined, field);
  for (
    const field of [
      "Listing: x",
      "Auto-Submitted: no",
      "Auto-Submitted: No (c)",
      "Precedence: normal",
      "X-Bogosity: No",
    ]
  ) {
    assertEquals(objection(field), undefined, field);
  }
});

Deno.test("a message must name one of the user's addresses, unless it need not", () => {
  const ask = (field: string, lax = false) =>
    headerObjection(new Header(`${field}\n\n`), { own: ["a@b", "x-a@b"], lax });
  for (const name of ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"]) {
    assertEquals(ask(`${name}: Who <A@B>`), undefined);
    assertEquals(ask(`${name}: list: q@r, X-A@b;`), undefined);
    assert(ask(`${name}: aa@b`) !== undefined);
  }
  assert(ask("From: a@b") !== undefined);
  assertEquals(ask("From: a@b", true), undefined);
  assertEquals(ask("Cc: recipient list not shown: ;"), undefined);
});

Deno.test("a loop is the delivery's own line, whole", () => {
  const header = new Header("Delivered-To: A@b\nX: Delivered-To: c@d\n\n");
  assertEquals(isLooping(header, "Delivered-To: a@b\n"), true);
  assertEquals(isLooping(header, "Delivered-To: c@d\n"), false);
  assertEquals(isLooping(header, "Delivered-To: a@bc\n"), false);
});

Deno.test("signs of the text are replaced once, others stay", () => {
  const header = new Header("Subject: %S 100%\nFrom: f\nUser-Agent: ua\nX-Mailer: xm\n\n");
  const expand = (text: string) => expandText({ header, text, recipient: "me@h", nowMs: NOW_MS });
  assertEquals(expand("%S|%F|%M|%t|%%S|%q|100%|%"), "%S 100%|f|ua|me@h|%S|%q|100%|%");
  assertEquals(expand("%d"), "Mon, 23 Nov 2026 04:00:00 +0000");
});

Deno.test("nothing of a message can add a line to the header of its answer", () => {
  const header = new Header("Subject: a\r\n\tBcc: x@y\nMessage-ID: <1>\n X: 1\n\n");
  const start = autoReplyStart({
    header,
    text: "text",
    sender: "a b\nBcc: c@d",
    recipient: "me@h",
    from: "me@h\nBcc: e@f",
    subject: { prefix: "Re:\nBcc: g@h " },
    contentType: "text/plain\ncharset=x",
    boundary: undefined,
    nowMs: NOW_MS,
  });
  const names = start.slice(0, start.indexOf("\n\n")).split("\n").map((line) => line.split(":")[0]);
  assertEquals(names, [
    "Auto-Submitted",
    "Date",
    "From",
    "To",
    "In-Reply-To",
    "References",
    "Subject",
    "MIME-Version",
    "Content-Type",
    " charset=x",
  ]);
});

Deno.test("notes: so many answers in so long, then no more; old notes go", () => {
  const folder = Deno.makeTempDirSync({ prefix: "answers." });
  const note = (sender: string, atSeconds: number, limit = LIMIT, pid = atSeconds) =>
    noteAnswer(folder, { sender, atSeconds, pid }, { limit, links: true });
  const names = () => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();
  try {
    Deno.writeTextFileSync(`${folder}/README`, "");
    Deno.writeTextFileSync(`${folder}/0.1.x@y`, "");
    assert(note("Joe/x@h", 1000) !== undefined);
    assertEquals(names(), ["0.1.x@y", "1000.1000.joe:x@h", "README"]);
    assertEquals(note("joe/X@h", 1100), undefined);
    assert(note("joe/x@h", 1100, { ...LIMIT, answersMax: 2 }) !== undefined);
    assertEquals(note("joe/x@h", 1100, { ...LIMIT, answersMax: 2 }, 7), undefined);
    const takeBack = note("ann@h", 1101);
    assertEquals(names(), ["0.1.x@y", "1100.1100.joe:x@h", "1101.1101.ann@h", "README"]);
    assertEquals(Deno.statSync(`${folder}/1101.1101.ann@h`).ino, Deno.statSync(`${folder}/1100.1100.joe:x@h`).ino);
    takeBack?.();
    assertEquals(names(), ["0.1.x@y", "1100.1100.joe:x@h", "README"]);
    assert(note("joe/x@h", 1102, { ...LIMIT, seconds: -1 }) !== undefined);
    assertEquals(names(), ["0.1.x@y", "1102.1102.joe:x@h", "README"]);
    assert(note("l".repeat(300) + "@h", 1103) !== undefined);
    assertEquals(note("l".repeat(300) + "@h", 1104), undefined);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a long sender has a name of its own that a folder can hold", () => {
  const [a, b] = ["a", "b"].map((end) => recordName(`${"x".repeat(900)}${end}@h`));
  assert(a !== b && a!.length <= 200 && b!.length <= 200);
  assertEquals(recordName("../A\0@h"), "..:a:@h");
});

Deno.test("patterns of addresses have stars, question marks and sets", () => {
  const matches = (pattern: string, address: string) => addressPattern(pattern)(address);
  assert(matches("*@spam.test", "a@spam.test") && !matches("*@spam.test", "a@spam-test"));
  assert(matches("a?c@*", "abc@x") && !matches("a?c@*", "ac@x"));
  assert(matches("[ab]*@x", "bob@x") && !matches("[!ab]*@x", "bob@x") && matches("[^z]*@x", "bob@x"));
  assert(matches("A.(B)+$@x", "a.(b)+$@x") && matches("[]x]@h", "]@h") && matches("a[@h", "a[@h"));
});
