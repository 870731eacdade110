/** Unit tests of splogger's messages and of the socket that they go to. */
import { latin1Bytes } from "../../core/bytes.ts";
import { preloadLibc } from "../../core/libc/libc.ts";
import { assert, assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { LogMessages } from "./log_messages.ts";
import { SyslogSocket } from "./syslog_socket.ts";

preloadLibc();

function messagesOf(text: string): string[] {
  const messages = new LogMessages({ tag: "tag", facility: 2, nowMs: () => 1_029_932_830_529 });
  return [...messages.push(latin1Bytes(text)), ...messages.end()].map((line) =>
    line.replace(/>\w+ [ \d]\d [\d:]{8} /, ">")
  );
}

Deno.test("a line becomes a message with priority, tag and time; blank lines none", () => {
  assertEquals(messagesOf("info\n\nwarning: w\nalert: a\tb\xe9\nlast"), [
    "<22>tag: 1029932830.529000 info",
    "<20>tag: 1029932830.529000 warning: w",
    "<17>tag: 1029932830.529000 alert: a?b?",
    "<22>tag: 1029932830.529000 last",
  ]);
});

Deno.test("a long line goes out in parts of 800 characters, of the priority of its start", () => {
  const messages = messagesOf(`alert: ${"x".repeat(1593)}\n${"y".repeat(801)}\n`);
  assertEquals(messages.map((message) => message.length - "<17>tag: 1029932830.529000 ".length), [800, 800, 800, 1]);
  assertEquals(messages.map((message) => message.slice(0, 28)), [
    "<17>tag: 1029932830.529000 a",
    "<17>tag: 1029932830.529000+x",
    "<22>tag: 1029932830.529000 y",
    "<22>tag: 1029932830.529000+y",
  ]);
});

Deno.test("messages reach a daemon, and the next one when that was restarted", async () => {
  const folder = await Deno.makeTempDir({ prefix: "syslog." });
  const path = `${folder}/log`;
  try {
    using socket = new SyslogSocket(path);
    assertMatch(String(await socket.send("lost")), /No such file/);
    for (const text of ["first", "second"]) {
      const daemon = Deno.listenDatagram({ transport: "unixpacket", path });
      try {
        assertEquals(await socket.send(text), undefined);
        assertEquals(new TextDecoder().decode((await daemon.receive())[0]), text);
      } finally {
        daemon.close();
        await Deno.remove(path);
      }
    }
    assert(await socket.send("lost") instanceof Error);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
