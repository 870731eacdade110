import { assertEquals } from "../../../tests/support/assert.ts";
import { isAnswer, isForward } from "./limit_counts.ts";

Deno.test("a forward is a line with an address of another domain, whatever its letters and with or without &", () => {
  const own = new Set(["example.org", "example.com"]);
  const forwards = (line: string) => isForward(line, own);
  const far = ["&a@example.net", "a@example.net", "&a@sub.example.org", "&a+b@EXAMPLE.NET"];
  assertEquals(far.filter(forwards), far);
  const near = ["&a@example.org", "a@Example.COM", "&a", "a", "/home/a@example.net/Maildir/", "./Maildir/"];
  assertEquals([...near, "|forward a@example.net", "| a@example.net", ""].filter(forwards), []);
});

Deno.test("an answering line is a program that answers mail, wherever it is", () => {
  const answers = [
    "|vacation",
    "| /usr/bin/vacation",
    "|/usr/bin/autoresponder -q a b",
    "| /opt/indimail autoresponder -q a b",
    "|autorespond 1 2 3 4",
    "|qmail-autoresponder -q",
  ];
  assertEquals(answers.filter(isAnswer), answers);
  const others = [
    "&vacation@example.org",
    "|/usr/bin/vacations",
    "|xvacation",
    "/home/vacation",
    "|cat /a/vacation.txt",
  ];
  assertEquals(others.filter(isAnswer), []);
});
