import { assertEquals } from "../../tests/support/assert.ts";
import { preloadLibc } from "../../core/libc/libc.ts";
import { authSyslog } from "./auth_syslog.ts";

preloadLibc();

Deno.test("a line goes to syslog as authpriv, one line whatever is in it; without syslog nothing happens", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/log`;
  try {
    authSyslog("err", "nobody listens", path);
    const socket = Deno.listenDatagram({ transport: "unixpacket", path });
    authSyslog("warning", `"a\nb" ${"x".repeat(2000)}`, path);
    const [bytes] = await socket.receive(new Uint8Array(4096)).finally(() => socket.close());
    const text = new TextDecoder().decode(bytes);
    assertEquals(text.startsWith(`<84>pam-multi[${Deno.pid}]: "a b" xxx`), true, text);
    assertEquals(text.length, `<84>pam-multi[${Deno.pid}]: `.length + 1000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
