import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { resolvePaths } from "../../core/paths.ts";
import { Temporary } from "../../core/errors.ts";
import { assertRejects } from "../../tests/support/assert.ts";
import { ControlFiles } from "../control/control.ts";
import { parseMysqlHost } from "./mysql_settings.ts";
import { openDatabase } from "./open_database.ts";

const none = () => undefined;

Deno.test("host.mysql has host, user, password, socket or port, and TLS", () => {
  const bare = parseMysqlHost("db.example", none);
  assertEquals([bare.host, bare.user, bare.password, bare.database, bare.port, bare.socketPath, bare.tls], [
    "db.example",
    "indimail",
    "",
    "indimail",
    3306,
    undefined,
    "off",
  ]);
  const port = parseMysqlHost("db.example:me:pw:3307:ssl", none);
  assertEquals([port.user, port.password, port.port, port.tls], ["me", "pw", 3307, "on"]);
  const socket = parseMysqlHost("localhost:me:pw:/run/mysqld/mysqld.sock:nossl", none);
  assertEquals([socket.socketPath, socket.port, socket.tls], ["/run/mysqld/mysqld.sock", 3306, "off"]);
  assertThrows(() => parseMysqlHost("h:u:p:many", none), Permanent);
});

Deno.test("the environment wins over the file", () => {
  const values: Record<string, string> = {
    MYSQL_HOST: "other:them",
    MYSQL_PASSWD: "secret",
    MYSQL_VPORT: "1234",
    MYSQL_DATABASE: "mail",
    MYSQL_OPT_CONNECT_TIMEOUT: "2",
    MYSQL_OPT_READ_TIMEOUT: "3",
    MYSQL_OPT_SSL_MODE: "VERIFY_IDENTITY",
    MYSQL_OPT_SSL_CA: "/ca.pem",
    MYSQL_INIT_COMMAND: "SET x=1",
  };
  assertEquals(parseMysqlHost("db.example:me", (name) => values[name]), {
    host: "other",
    user: "them",
    password: "secret",
    database: "mail",
    port: 1234,
    tls: "identity",
    tlsCaFile: "/ca.pem",
    connectTimeoutMs: 2000,
    queryTimeoutMs: 3000,
    initCommand: "SET x=1",
  });
  assertThrows(() => parseMysqlHost("h", (name) => name === "MYSQL_VPORT" ? "x" : undefined), Permanent);
});

Deno.test("without host.mysql the embedded database is opened, and only made where asked for", async () => {
  const root = await Deno.makeTempDir();
  try {
    const paths = resolvePaths(root, none);
    const control = new ControlFiles(paths.control);
    const refused = await assertRejects(() => openDatabase({ paths, control, env: none }), Temporary);
    assertEquals(
      refused.message,
      `there is no database ${paths.database}: run install_tables (or check INDIMAIL_ROOT)`,
    );
    const made = await openDatabase({ paths, control, env: none, create: true });
    assertEquals(made.kind, "sqlite");
    await made.close();
    const again = await openDatabase({ paths, control, env: none });
    await again.close();
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
