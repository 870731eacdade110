import { assertEquals } from "../../../tests/support/assert.ts";
import { tryParseLogRun, tryWords } from "./log_run.ts";

const PLAIN = { account: undefined, supplementary: false, envFolders: [] };
const SH = "#!/bin/sh\n";

Deno.test("a plain multilog line is understood", () => {
  assertEquals(tryParseLogRun(`${SH}exec multilog t ./main\n`), { ...PLAIN, script: ["t", "./main"] });
  assertEquals(tryParseLogRun(`${SH}multilog t s100000 n5 ./main`)?.script, ["t", "s100000", "n5", "./main"]);
  assertEquals(tryParseLogRun(`${SH}\n# a log\nexec 2>&1\nexec /usr/bin/multilog t '-*' '+*fatal*' ./main\n`)?.script, [
    "t",
    "-*",
    "+*fatal*",
    "./main",
  ]);
  assertEquals(tryParseLogRun(`${SH}exec multilog t !gzip "-* debug *" =./status ./main\n`)?.script, [
    "t",
    "!gzip",
    "-* debug *",
    "=./status",
    "./main",
  ]);
});

Deno.test("an account and lines that go on are understood", () => {
  const text =
    `#!/bin/sh\n# made by minisvc\n\nexec /usr/bin/setuidgid qmaill \\\n  /usr/sbin/multilog t /var/log/svc/x\n`;
  assertEquals(tryParseLogRun(text), { ...PLAIN, account: "qmaill", script: ["t", "/var/log/svc/x"] });
  assertEquals(tryParseLogRun(`${SH}exec setuidgid -s qmaill multilog t ./main\n`), {
    ...PLAIN,
    account: "qmaill",
    supplementary: true,
    script: ["t", "./main"],
  });
});

Deno.test("programs that change what a log does not feel are followed to multilog", () => {
  const chain = "exec envuidgid qmaill envdir ./env setuidgid qmaill softlimit -m4000000 -o200 multilog t ./main";
  assertEquals(tryParseLogRun(`${SH}${chain}\n`), {
    ...PLAIN,
    account: "qmaill",
    envFolders: ["./env"],
    script: ["t", "./main"],
  });
});

Deno.test("what a shell would have to carry out is a process", () => {
  for (
    const line of [
      "exec multilog t $DIR",
      "exec multilog t `pwd`",
      "exec multilog t ./main | cat",
      "multilog t ./main; echo",
      "exec multilog t *",
      'exec multilog t "$X"',
      "mkdir -p main\nexec multilog t ./main",
      "exec cat",
      "X=1 exec multilog t ./main",
      "exec envdir ./env multilog t '!gzip' ./main",
      "exec softlimit -f4096 multilog t ./main",
      "exec setuidgid qmaill",
      "exec setuidgid a setuidgid b multilog t ./main",
      "exec setuidgid -g x qmaill multilog t ./main",
      "exec nice multilog t ./main",
      "exec multilog t 'open",
      "exec multilog t >out",
      "(multilog t)",
      "exec multilog t ~/main",
      "exec multilog t {a,b}",
      "exec multilog t a\\ b",
      "",
    ]
  ) assertEquals(tryParseLogRun(`${SH}${line}\n`), undefined, line);
  assertEquals(tryParseLogRun("#!/usr/bin/perl\nexec multilog t ./main\n"), undefined);
  assertEquals(tryParseLogRun("exec multilog t ./main\n"), undefined);
});

Deno.test("words are split as a shell splits them", () => {
  assertEquals(tryWords(`a  'b c'"d"e\tf`), ["a", "b cde", "f"]);
  assertEquals(tryWords(`''`), [""]);
});
