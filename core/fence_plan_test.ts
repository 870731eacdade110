/** What role rows become on a host. */
import { assert, assertEquals } from "../tests/support/assert.ts";
import { planFence } from "./fence_plan.ts";
import { formatListen, tryParseListen } from "./listen_address.ts";
import { resolvePaths } from "./paths.ts";
import { needlessPowers } from "./powers.ts";
import { isRoleName, roleOf } from "./role.ts";

const paths = resolvePaths("/srv/mail", () => undefined);
const places = { executable: "/usr/bin/indimail", sources: [], homes: ["/home"] };
const host = { paths, places, env: () => undefined };

Deno.test("addresses to listen on are read with and without service, host and brackets", () => {
  assertEquals(tryParseListen("smtp=127.0.0.1:2025"), { service: "smtp", host: "127.0.0.1", port: 2025 });
  assertEquals(tryParseListen("imaps=[::]:993"), { service: "imaps", host: "::", port: 993 });
  assertEquals(tryParseListen(":25"), { service: "", host: "0.0.0.0", port: 25 });
  for (const wrong of ["smtp", "smtp=host", "smtp=host:65536", "a=b=c:1", "./Maildir/", "::1:25"]) {
    assertEquals(tryParseListen(wrong), undefined, wrong);
  }
  for (const text of ["smtp=127.0.0.1:2025", "imaps=[::1]:993", "0.0.0.0:25"]) {
    assertEquals(formatListen(tryParseListen(text)!), text);
  }
});

Deno.test("a listening role may bind the ports that it is told and no other", () => {
  const plan = planFence(roleOf("mailbox"), ["imap=127.0.0.1:2143", "pop3=[::1]:2110", "-v"], host);
  assertEquals(plan.bindPorts, [2143, 2110]);
  assertEquals(plan.connectPorts, []);
  assertEquals(plan.permissions.net, ["127.0.0.1:2143", "[::1]:2110"]);
  assertEquals(plan.lowPorts, false);
  assertEquals(planFence(roleOf("mailbox"), ["imap=0.0.0.0:143"], host).lowPorts, true);
});

Deno.test("a role that does not listen binds nothing, whatever its arguments look like", () => {
  const plan = planFence(roleOf("queue"), ["smtp=127.0.0.1:2025"], host);
  assertEquals({ ports: plan.bindPorts, net: plan.permissions.net }, { ports: [], net: false });
});

Deno.test("the network role writes no file: only the sockets of lookup and queue", () => {
  const { permissions, write, refuseExec } = planFence(roleOf("network"), ["smtp=0.0.0.0:25"], host);
  assert(Array.isArray(permissions.write));
  assert(permissions.write.every((path) => String(path).endsWith(".socket")), String(permissions.write));
  assert(!permissions.write.some((path) => String(path).includes("local")), "it must not reach the delivery daemon");
  assertEquals(write.filter((path) => path.startsWith("/srv")), []);
  assertEquals(refuseExec, true);
});

Deno.test("a role reads the files that its variables name", () => {
  const env = (name: string) => name === "MYSQL_OPT_SSL_CA" ? "/srv/ca.pem" : undefined;
  assert(planFence(roleOf("lookup"), [], { ...host, env }).read.includes("/srv/ca.pem"));
  assert(!planFence(roleOf("mailbox"), [], { ...host, env }).read.includes("/srv/ca.pem"));
  const relative = planFence(roleOf("lookup"), [], { ...host, env: () => "ca.pem" });
  assert(!relative.read.includes("ca.pem"));
});

Deno.test("a role reads the folder of the file that its option names, and of no other argument", () => {
  const read = (...args: string[]) => planFence(roleOf("names"), args, host).read;
  assert(read("-d", "info", "-f", "/srv/conf/nssd.conf").includes("/srv/conf"));
  assert(read("-f/srv/conf/nssd.conf").includes("/srv/conf"));
  assert(!read("-d", "/srv/conf/nssd.conf", "-f", "nssd.conf").includes("/srv/conf"));
  assert(!planFence(roleOf("lookup"), ["-f", "/srv/conf/nssd.conf"], host).read.includes("/srv/conf"));
});

Deno.test("only roles with homes get the homes of users", () => {
  assert(planFence(roleOf("local"), [], host).write.includes("/home"));
  assert(!planFence(roleOf("mailbox"), [], host).write.includes("/home"));
});

Deno.test("short programs lose the kinds of permission that their role never needs", () => {
  assertEquals(needlessPowers(roleOf("text")), ["ffi", "run", "net", "write"]);
  assertEquals(needlessPowers(roleOf("queue")), ["ffi", "run", "net"]);
  assertEquals(needlessPowers(roleOf("tool")), []);
  assertEquals(needlessPowers(roleOf("admin")), []);
});

Deno.test("names of object properties are no roles", () => {
  assertEquals([isRoleName("queue"), isRoleName("toString"), isRoleName("")], [true, false, false]);
});
