/** TLS to a MySQL server: what is checked in each mode. */
import { assertMatch, assertRejects } from "../../tests/support/assert.ts";
import { TEST_CERTIFICATE_OTHER } from "../../tests/support/certificates.ts";
import { mariadbAvailable, startMariadb } from "../../tests/support/mariadb.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { openMysql } from "./mysql.ts";
import { parseMysqlHost } from "./mysql_settings.ts";

Deno.test({
  name: "the server's certificate is checked as far as the mode says",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb({ tcp: true });
    const root = await openMysql(server.settings, { createDatabase: true });
    await root.run("CREATE USER mail@'127.0.0.1' IDENTIFIED BY 'secret' REQUIRE SSL");
    await root.run("GRANT ALL ON indimail.* TO mail@'127.0.0.1'");
    await root.close();
    const otherCa = `${server.caFile}.other`;
    Deno.writeTextFileSync(otherCa, TEST_CERTIFICATE_OTHER);

    async function cipher(line: string, variables: Readonly<Record<string, string>>): Promise<unknown> {
      const database = await openMysql(parseMysqlHost(line, (name) => variables[name]));
      try {
        return (await database.query("SHOW STATUS LIKE 'Ssl_cipher'"))[0]?.["Value"];
      } finally {
        await database.close();
      }
    }
    async function refusal(line: string, variables: Readonly<Record<string, string>>): Promise<string> {
      return (await assertRejects(() => cipher(line, variables), Temporary)).message;
    }
    const line = `127.0.0.1:mail:secret:${server.port}`;
    const named = line.replace("127.0.0.1", "localhost");
    const own = { MYSQL_OPT_SSL_CA: server.caFile };
    assertMatch(String(await cipher(`${line}:ssl`, {})), /^TLS_/);
    assertMatch(await refusal(`${line}:nossl`, {}), /denied/);

    assertMatch(String(await cipher(line, { ...own, MYSQL_OPT_SSL_MODE: "VERIFY_CA" })), /^TLS_/);
    assertMatch(await refusal(line, { MYSQL_OPT_SSL_CA: otherCa, MYSQL_OPT_SSL_MODE: "VERIFY_CA" }), /certificate/);
    assertMatch(await refusal(line, { MYSQL_OPT_SSL_MODE: "VERIFY_CA" }), /certificate/);

    assertMatch(await refusal(named, { ...own, MYSQL_OPT_SSL_MODE: "VERIFY_IDENTITY" }), /altnames/);
    await assertRejects(() => cipher(line, { ...own, MYSQL_OPT_SSL_MODE: "VERIFY_IDENTITY" }), Permanent);
    await assertRejects(() => cipher(line, { ...own, MYSQL_OPT_SSL_MODE: "VERIFY" }), Permanent);
  },
});
