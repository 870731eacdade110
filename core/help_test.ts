/** Unit tests of what programs say of themselves: synopsis, help, lists, manual pages, completion scripts. */
import { assert, assertEquals, assertMatch } from "../tests/support/assert.ts";
import { type Applet, type AppletEntry, defineApplet } from "./applet.ts";
import { completionScript } from "./completion.ts";
import { helpText, listText, overviewText, synopsisOf } from "./help.ts";
import { manualPage, manualPages } from "./manpage.ts";

const applet: Applet = defineApplet({
  names: ["mail-try", "mt"],
  section: 8,
  summary: "try a thing",
  role: "tool",
  dialect: "qmail",
  options: {
    dry: { flag: "n", help: "do nothing" },
    loud: { flag: "v", help: "say [more]", repeat: true },
    quota: { flag: "q", value: "bytes", help: "quota of the user's Maildir", default: "control/quota" },
    bind: { flag: "b", long: "bind", value: "address", help: "address", repeat: true },
    json: { long: "json", help: "as JSON" },
  },
  operands: [{ name: "domain", help: "the domain" }, { name: "user", help: "users", optional: true, repeat: true }],
  description: `A first paragraph
in two lines, with a back\\slash – and a 'quote'.

.profile begins with a dot.

  $ literal   text
  .more of it`,
  env: { TRY: "how often, a count; 1 unless set" },
  control: ["me", "quota"],
  files: { "/etc/try": "what to try" },
  seeAlso: ["qmail-local(8)", "dot-qmail(5)"],
  examples: [{ command: "mail-try -n example.com", help: "say what would be done" }],
  source: ["[man mail-try.8]"],
  run: () => Promise.resolve(),
});

const entry: AppletEntry = {
  names: applet.names,
  room: "tools/try",
  role: "tool",
  section: 8,
  summary: applet.summary,
  daemon: false,
  load: () => Promise.resolve({ applet }),
};

Deno.test("the synopsis gathers switches and shows arguments, repetition and what is optional", () => {
  assertEquals(synopsisOf(applet), "mail-try [-nv] [-q bytes] [-b address]... [--json] domain [user...]");
  assertEquals(synopsisOf(applet, "mt").slice(0, 8), "mt [-nv]");
});

Deno.test("a synopsis of its own shows the name that the program was called by", () => {
  assertEquals(synopsisOf({ ...applet, synopsis: "mail-try a b" }, "mt"), "mt a b");
  assertEquals(synopsisOf({ ...applet, synopsis: "mail-tryst a" }, "mt"), "mail-tryst a");
});

Deno.test("help keeps a long synopsis and many control files within 80 columns, options with their arguments", () => {
  const synopsis = `mail-try ${Array.from({ length: 30 }, (_, at) => `[-${at} argument]`).join(" ")}`;
  const text = helpText({ ...applet, synopsis, control: Array.from({ length: 30 }, (_, at) => `control${at}`) });
  assertEquals(text.split("\n").filter((line) => line.length > 80), []);
  assertMatch(text, /^usage: mail-try \[-0 argument\].*\n {7}\[-\d argument\]/m);
  assert(!text.includes("\u00a0"));
  assert(!/^\s*argument\]/m.test(text), "an option is not torn from its argument");
});

Deno.test("help names every option, operand, variable and control file in at most 80 columns", () => {
  const text = helpText(applet, "mt");
  for (const part of ["usage: mt ", "-q bytes", "-b, --bind address", "TRY", "me, quota", "also called: mail-try"]) {
    assert(text.includes(part), part);
  }
  assertMatch(text, /quota of the user's Maildir \(default:\s+control\/quota\)/);
  assertMatch(text, /A first paragraph in two lines/);
  assertMatch(text, /\n {2}\$ literal {3}text\n/);
  assert(text.split("\n").every((line) => line.length <= 80 && !line.endsWith(" ")));
});

Deno.test("the list has a line for each name, and as JSON an object for each program", () => {
  assertEquals(
    listText([entry], { json: false }),
    "mail-try  tools/try  tool  try a thing\nmt        tools/try  tool  try a thing\n",
  );
  assertEquals(JSON.parse(listText([entry], { json: true }))[0].names, ["mail-try", "mt"]);
  assertMatch(overviewText([entry]), /tools\/try:\n {2}mail-try mt\n/);
  assertEquals(listText([], { json: false }), "");
});

Deno.test("a manual page holds off what roff would take for its own", () => {
  const page = manualPage(applet);
  assert(page.includes("\n\\&.profile begins with a dot.\n"));
  assert(page.includes("back\\eslash \\[u2013] and a \\(aqquote\\(aq."));
  assert(page.includes("\n.EX\n  $ literal   text\n"));
  assertMatch(page, /\.BR qmail\\-local "\(8\),"\n\.BR dot\\-qmail "\(5\)"\n/);
  assertMatch(page, /\.SH EXIT STATUS\n\.TP\n\.B 0\nsuccess\n\.TP\n\.B 100\n/);
});

Deno.test("a program has a manual page under each of its names", () => {
  assertEquals([...manualPages(applet).keys()], ["man8/mail-try.8", "man8/mt.8"]);
});

Deno.test("completion knows the options of each program", () => {
  assertMatch(completionScript("bash", [applet]), /'mail-try'\|'mt'\) words='--help -n -v -q -b --bind --json'/);
  assertMatch(
    completionScript("zsh", [applet]),
    /'\*-v\[say \\\[more\\\]\]' '-q\[quota of the user’s Maildir\]:bytes:/,
  );
  assertMatch(completionScript("fish", [applet]), /complete -c 'mt' -s 'b' -l 'bind' -r -d 'address'\n/);
});
