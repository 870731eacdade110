/** What the watching programs are made of: rules, configuration, followed files, checkpoints, addresses, revocations. */
import { latin1Text, utf8Bytes } from "../../../core/bytes.ts";
import { Permanent, Temporary, Usage } from "../../../core/errors.ts";
import { assert, assertEquals, assertThrows } from "../../../tests/support/assert.ts";
import { parseAlertConfig } from "./alert_config.ts";
import { AlertRule, compilePattern } from "./alert_rule.ts";
import { CheckpointFolder } from "./checkpoint.ts";
import { FollowedFile } from "./follow_file.ts";
import { parseRevokedSerials } from "./revocation_list.ts";
import { type ShipLine } from "./ship.ts";
import { ShippedFile } from "./shipped_file.ts";
import { datagramLines, parseUdpAddress } from "./udplogger.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("a rule gives the groups, then is quiet for its time", () => {
  const rule = new AlertRule({ pattern: "error: (\\w+)( now)?", matchSleepSeconds: 5, matchCount: 1 });
  assertEquals(rule.take("all well", 0), undefined);
  assertEquals(rule.take("an error: disk", 1000), ["disk", ""]);
  assertEquals(rule.take("an error: disk", 5999), undefined);
  assertEquals(rule.take("an error: fan now", 6000), ["fan", " now"]);
});

Deno.test("with a count every so many matches raise an alert", () => {
  const rule = new AlertRule({ pattern: "x", matchSleepSeconds: 0, matchCount: 3 });
  assertEquals([1, 2, 3, 4, 5, 6].map((time) => rule.take("x", time) !== undefined), [
    false,
    false,
    true,
    false,
    false,
    true,
  ]);
});

Deno.test("POSIX classes work in patterns; a wrong pattern is refused", () => {
  assert(compilePattern("^[[:alpha:]_]+[[:space:]][[:digit:]]{2}$").test("ab_c 12"));
  assert(!compilePattern("^[[:upper:]]$").test("a"));
  assertThrows(() => compilePattern("("), Usage);
});

Deno.test("a configuration names files and what to do; mistakes are told with their line", () => {
  const watches = parseAlertConfig(
    `# comment
filename /var/log/messages
{
  match = /[Ee]rr/or: a/
  exec = /etc/init.d/vpn restart
  match_sleep = 10
  match_count = 2
  retry = 3
  user = vpnuser
  verbose
}

filename /var/log/mail
{
  regex = /Bounce/
  command = alert me
  mail = a@b.example
  readall
}
`,
    "conf",
  );
  assertEquals(watches.map(({ file, pattern, command }) => [file, pattern, command]), [
    ["/var/log/messages", "[Ee]rr/or: a", "/etc/init.d/vpn restart"],
    ["/var/log/mail", "Bounce", "alert me"],
  ]);
  assertEquals(watches[0]?.matchSleepSeconds, 10);
  assertEquals(watches[0]?.user, "vpnuser");
  assertEquals(watches[1]?.fromBeginning, true);
  const wrong: [string, RegExp][] = [
    ["filename a\nmatch = /x/", /line 2: after filename a line with \{/],
    ["filename a\n{\nmatch = x\n}", /line 3: .*between slashes/],
    ["filename a\n{\nmatch = /x/\n}", /line 4: a has no exec/],
    ["filename a\n{\nexec = x\n}", /line 4: a has no match/],
    ["filename a\n{\ncolour = red\n}", /line 3: colour is no setting/],
    ["filename a\n{\nretry = many\n}", /line 3: many is no number/],
    ["filename a\n{\nretry =\n}", /line 3: retry needs a value/],
    ["filename a\n{\n", /does not end with \}/],
    ["}", /line 1: filename NAME is expected/],
    ["", /names no file/],
  ];
  for (const [text, pattern] of wrong) {
    const error = assertThrows(() => parseAlertConfig(text, "conf"), Permanent);
    assert(pattern.test(error.message), error.message);
  }
});

Deno.test("a followed file gives every byte once, over rotation and truncation", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/log`;
    let text = "";
    let news = 0;
    const take = (bytes: Uint8Array) => Promise.resolve(void (text += latin1Text(bytes)));
    const followed = new FollowedFile(path, { start: "end" });
    const poll = () => followed.poll(take, () => news++);
    assertEquals(await poll(), "missing");
    Deno.writeTextFileSync(path, "old\n");
    assertEquals(await poll(), "present");
    Deno.writeTextFileSync(path, "new\n", { append: true });
    await poll();
    assertEquals([text, news], ["new\n", 0]);
    Deno.renameSync(path, `${folder}/old`);
    Deno.writeTextFileSync(`${folder}/old`, "last\n", { append: true });
    assertEquals(await poll(), "missing");
    Deno.writeTextFileSync(path, "first\n");
    await poll();
    assertEquals([text, news], ["new\nlast\nfirst\n", 1]);
    Deno.writeTextFileSync(path, "cut\n");
    await poll();
    assertEquals([text, news], ["new\nlast\nfirst\ncut\n", 2]);
    followed.close();
  });
});

Deno.test("a shipped file sends whole lines once and goes on at its checkpoint", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/log`;
    const checkpoints = new CheckpointFolder(folder);
    const sent: string[] = [];
    const send = (_: string, lines: readonly ShipLine[]) => {
      for (const { bytes, count } of lines) sent.push(`${count} ${latin1Text(bytes)}`);
      return Promise.resolve();
    };
    Deno.writeTextFileSync(path, "a\nb\nhalf");
    const first = new ShippedFile(path, checkpoints);
    await first.poll(send);
    Deno.writeTextFileSync(path, " done\n", { append: true });
    await first.poll(send);
    first.close();
    assertEquals(sent, ["0 a", "1 b", "2 half done"]);
    Deno.writeTextFileSync(path, `${"x".repeat(100)}\n`.repeat(1000), { append: true });
    const second = new ShippedFile(path, checkpoints);
    let calls = 0;
    const failing = (name: string, lines: readonly ShipLine[]) => {
      if (++calls > 3) return Promise.reject(new Temporary("broken"));
      return send(name, lines);
    };
    await second.poll(failing).then(() => assert(false), (error) => assert(error instanceof Temporary));
    second.close();
    const third = new ShippedFile(path, checkpoints);
    await third.poll(send);
    assertEquals(sent.length, 1003);
    assertEquals(sent.map((line) => Number(line.split(" ", 1)[0])), Array.from({ length: 1003 }, (_, at) => at));
    Deno.renameSync(path, `${folder}/old`);
    Deno.writeTextFileSync(path, "c\n");
    await third.poll(send);
    assertEquals(sent.at(-1), "1003 c");
    third.close();
    const { size, ino } = Deno.statSync(path);
    assertEquals(checkpoints.read(ino ?? 0), { position: size, count: 1004 });
  });
});

Deno.test("a line longer than the limit is sent in pieces", async () => {
  await inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/log`, `${"y".repeat(150_000)}\n`);
    const lengths: number[] = [];
    const file = new ShippedFile(`${folder}/log`, new CheckpointFolder(folder));
    await file.poll((_, lines) => Promise.resolve(void lines.forEach(({ bytes }) => lengths.push(bytes.length))));
    file.close();
    assertEquals(lengths.reduce((sum, length) => sum + length, 0), 150_000);
    assert(lengths.every((length) => length <= 65_536));
  });
});

Deno.test("every line of a datagram has its sender in front", () => {
  const text = (message: string) => latin1Text(datagramLines(utf8Bytes(message), "192.0.2.1 7 "));
  assertEquals(text("one"), "192.0.2.1 7 one\n");
  assertEquals(text("one\n"), "192.0.2.1 7 one\n");
  assertEquals(text("one\n192.0.2.9 1 forged\n"), "192.0.2.1 7 one\n192.0.2.1 7 192.0.2.9 1 forged\n");
  assertEquals(text(""), "192.0.2.1 7 \n");
});

Deno.test("addresses of udplogger may have a port", () => {
  assertEquals(parseUdpAddress("127.0.0.1"), { hostname: "127.0.0.1", port: 3000 });
  assertEquals(parseUdpAddress("127.0.0.1:99", "5"), { hostname: "127.0.0.1", port: 99 });
  assertEquals(parseUdpAddress("0", "5"), { hostname: "0.0.0.0", port: 5 });
  assertEquals(parseUdpAddress("::1", "5"), { hostname: "::1", port: 5 });
  assertEquals(parseUdpAddress("[::1]:7"), { hostname: "::1", port: 7 });
  assertThrows(() => parseUdpAddress("127.0.0.1:99999"), Usage);
});

Deno.test("revoked serial numbers are found in a list", () => {
  const der = (tag: number, ...parts: number[][]) => [tag, parts.flat().length, ...parts.flat()];
  const time = der(0x17, [...utf8Bytes("261123040506Z")]);
  const entry = (serial: number[]) => der(0x30, der(0x02, serial), time);
  const algorithm = der(0x30, der(0x06, [1, 2]));
  const issuer = der(0x30);
  const revoked = der(0x30, entry([0x00, 0xab, 0xcd]), entry([0x05]));
  const pem = (...fields: number[][]) => {
    const list = der(0x30, der(0x30, ...fields), algorithm, der(0x03, [0]));
    return `-----BEGIN X509 CRL-----\n${Uint8Array.from(list).toBase64()}\n-----END X509 CRL-----\n`;
  };
  const full = pem(der(0x02, [1]), algorithm, issuer, time, time, revoked);
  assertEquals([...parseRevokedSerials(full)], ["ABCD", "5"]);
  assertEquals([...parseRevokedSerials(pem(der(0x02, [1]), algorithm, issuer, time, time))], []);
  assertThrows(() => parseRevokedSerials("nothing"), Permanent);
  const cut = Uint8Array.fromBase64(full.split("\n")[1]!).subarray(0, 40).toBase64();
  assertThrows(() => parseRevokedSerials(`-----BEGIN X509 CRL-----\n${cut}\n-----END X509 CRL-----\n`), Permanent);
});
