/** tcpserver -m: rules in a table of a live MariaDB deny, set variables, change while it runs, and fail closed. */
import { DENO_RUN_FLAGS } from "../../core/self.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { command, eventually } from "../support/installation.ts";
import { killChild } from "../support/kill_child.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";

const MAIN = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);

Deno.test({
  name: "rules in a MySQL table: deny, variables, a change, and a server that is gone",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    const socket = server.settings.socketPath ?? "";
    const sql = async (text: string) => {
      const done = await command("mysql", [`--socket=${socket}`, "--user=root", "--batch", `--execute=${text}`]);
      assertEquals(done.code, 0, done.stderr);
    };
    await sql(`CREATE DATABASE rules; CREATE TABLE rules.tcprules (iprules VARCHAR(64), decision CHAR(1), env TEXT);
      INSERT INTO rules.tcprules VALUES ('10.*.*.*', 'D', NULL), ('127.0.0.1-9', 'A', 'HOME=/tmp,SERVER=galaxy')`);
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, `${socket}:root::rules:tcprules\n`);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...[...DENO_RUN_FLAGS, MAIN, "tcpserver", "-HRl0", "-1", "-m", file, "127.0.0.1", "0"],
        ...["sh", "-c", "echo $SERVER$HOME"],
      ],
      env: { MYSQL_TIMEOUT: "5" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const errors = new Response(child.stderr).text();
    try {
      const port = Number((await new Response(child.stdout).text()).trim());
      const ask = async () => {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        return await new Response(connection.readable).text();
      };
      assertEquals(await ask(), "galaxy/tmp\n");
      await server.stop();
      await eventually("a database that is gone lets nobody in", async () => await ask() === "");
      await server.start();
      await eventually("it is back", async () => await ask() === "galaxy/tmp\n");
      await sql("UPDATE rules.tcprules SET decision = 'D' WHERE iprules LIKE '127%'");
      await eventually("the change counts", async () => await ask() === "");
    } finally {
      killChild(child, "SIGTERM");
      await child.status;
      await Deno.remove(file);
    }
    assert(/mysql/.test(await errors));
  },
});
