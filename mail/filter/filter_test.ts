/** Rules that sort mail: every comparison, expressions against a second evaluation, regular expressions against JavaScript's. */
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { Header } from "../header/header.ts";
import { evaluateExpression } from "./expression.ts";
import { LinearRegex } from "./regex.ts";
import { FILTER_HEADERS, filterAction, type FilterRule, findFilterRule } from "./rules.ts";

const HEADER = "From: Ann <ann@example.net>\nTo: team@example.org,\n Bob <BOB@example.org>\n" +
  "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from Rome\nX-Priority: 2\nX-Spam-Status: Yes, score=7.5\n\n";

function rule(change: Partial<FilterRule>): FilterRule {
  const plain = { address: "bob@example.org", number: 0, name: "a rule", destination: "Inbox", bounceAction: "0" };
  return { ...plain, header: 2, comparison: 1, keyword: "", ...change };
}

function isFound(change: Partial<FilterRule>, own = ["bob@example.org"]): boolean {
  const subject = { header: new Header(HEADER), sender: "bounces@example.net", own, headers: FILTER_HEADERS };
  return findFilterRule([rule(change)], subject) !== undefined;
}

Deno.test("each comparison finds what it says, in decoded text and without regard to case", () => {
  assert(isFound({ comparison: 0, keyword: "GRÜSSE FROM ROME".replace("SS", "ß") }));
  assert(!isFound({ comparison: 0, keyword: "grüße" }));
  assert(isFound({ comparison: 1, keyword: "FROM" }));
  assert(isFound({ comparison: 2, keyword: "paris" }) && !isFound({ comparison: 2, keyword: "rome" }));
  assert(isFound({ comparison: 3, keyword: "grü" }) && isFound({ comparison: 4, keyword: "rome" }));
  assert(!isFound({ header: -1, comparison: 5 }) && isFound({ header: -1, comparison: 5 }, ["carol@example.org"]));
  assert(isFound({ header: 29, comparison: 6, keyword: "%p < 3 && %p >= 1" }));
  assert(!isFound({ header: 29, comparison: 6, keyword: "%p == 3" }));
  assert(isFound({ header: 2, comparison: 7, keyword: "^Gr.*(Rome|Paris)$" }));
  assert(isFound({ header: 0, comparison: 0, keyword: "bounces@example.net" }));
  assert(!isFound({ header: 4, comparison: 1, keyword: "" }), "a field that is not there contains nothing");
  assert(
    !isFound({ header: 99, keyword: "" }) && !isFound({ comparison: 7, keyword: "(" }) && !isFound({ comparison: 9 }),
  );
});

Deno.test("a rule's action is a folder, a bounce, a forward; anything else is refused", () => {
  const action = (destination: string, bounceAction: string) => filterAction({ destination, bounceAction });
  assertEquals(action("Inbox", "0"), { folder: "", bounce: false, forward: undefined });
  assertEquals(action("Lists.deno", "1"), { folder: "Lists.deno", bounce: true, forward: undefined });
  assertEquals(action("/NoDeliver", "2&a@b"), { folder: undefined, bounce: false, forward: "&a@b" });
  assertEquals(action(".Work", "3|cat >/dev/null"), { folder: "Work", bounce: true, forward: "|cat >/dev/null" });
  for (
    const [folder, bounce] of [["a/b", "0"], ["..", "0"], ["a..b", "0"], ["x", "4"], ["x", "2"], ["x", "1&a@b"], [
      "x",
      "2&",
    ]]
  ) {
    assertThrows(() => action(folder!, bounce!), Permanent);
  }
});

Deno.test("expressions are computed as arithmetic has it", () => {
  for (
    const [source, value] of [["1+2*3", 7], ["(1+2)*3", 9], ["10 / 4", 2.5], ["7%4", 3], ["!0 && 2>1", 1], [
      "1==2||3!=3",
      0,
    ]] as const
  ) assertEquals(evaluateExpression(source, ""), value, source);
  assertEquals(evaluateExpression("%p*2", "score=7.5, x"), 15);
  assertEquals(evaluateExpression("%p % 2", "-3"), -1);
  assertEquals([evaluateExpression("%p > 1", "none"), evaluateExpression("1/0", "")], [undefined, undefined]);
  for (const wrong of ["", "1+", "(1", "1)", "a", "%q", "1 2", "(".repeat(40) + "1" + ")".repeat(40)]) {
    assertThrows(() => evaluateExpression(wrong, "1"), Permanent);
  }
});

function randomSource(random: () => number): string {
  const parts = ["a", "b", "ab", ".", "[ab]", "[^a]", "(a|b)", "(ab|a)", "(b*a)", "^", "$", "|"];
  const counts = ["", "", "*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}"];
  let source = "";
  for (let left = 1 + Math.floor(random() * 6); left > 0; left--) {
    const part = parts[Math.floor(random() * parts.length)]!;
    source += part +
      (/[$^|]/.test(part.slice(0, 1)) && part.length === 1 ? "" : counts[Math.floor(random() * counts.length)]!);
  }
  return source;
}

Deno.test("regular expressions match what JavaScript's match", () => {
  let seed = 20260101;
  const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  for (let round = 0; round < 3000; round++) {
    const source = randomSource(random);
    const ours = new LinearRegex(source);
    const theirs = new RegExp(source, "s");
    for (let text = 0; text < 8; text++) {
      const letters = Array.from({ length: Math.floor(random() * 7) }, () => "abc"[Math.floor(random() * 3)]).join("");
      assertEquals(ours.test(letters), theirs.test(letters), `${source} on ${JSON.stringify(letters)}`);
    }
  }
});

Deno.test("an expression that others take for ever over takes a moment; a wrong one says what is wrong", () => {
  assert(!new LinearRegex("(a+)+$").test("a".repeat(20_000) + "b"));
  assert(new LinearRegex("[[:digit:]]{3}-[^]a-c]\\.").test("call 123-x."));
  for (
    const wrong of [
      "(",
      ")",
      "*a",
      "a**",
      "[",
      "[b-a]",
      "[[:no:]]",
      "a{3,2}",
      "a{300}",
      "((a{255}){255})",
      "\\",
      "x".repeat(300),
    ]
  ) {
    assertThrows(() => new LinearRegex(wrong), Permanent);
  }
});
