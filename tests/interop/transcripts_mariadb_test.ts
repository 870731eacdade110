/**
 * Runs the transcripts of commands about domains and users again with their database on a MariaDB server: each on an empty
 * one. What they say of the embedded database's file is left out.
 */
import { runTranscript, transcriptsIn } from "../applets/run_transcript.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";

/** The transcripts that work on the accounts' database. */
const TRANSCRIPTS = [
  "authindi",
  "indimail-adopt",
  "indimail-export",
  "indimail-import",
  "install_tables",
  "nssd",
  "pam-multi",
  "qmail-poppass",
  "vadddomain",
  "vadduser",
  "vadduser-bulk",
  "valias",
  "vatrn",
  "vbulletin",
  "vcfilter",
  "vchkpass",
  "vdeldomain",
  "vdeloldusers",
  "vdeluser",
  "vdominfo",
  "vgroup",
  "vlimit",
  "vmoddomain",
  "vmoduser",
  "vmove",
  "vpasswd",
  "vrenamedomain",
  "vuserinfo",
];
/** Output of steps about the embedded database. */
const EMBEDDED = /there is no database|\.sqlite/;

Deno.test({
  name: "the commands about domains and users do on MariaDB what their transcripts say",
  ignore: !mariadbAvailable(),
  async fn(t) {
    await using server = await startMariadb();
    const line = `localhost:root::${server.settings.socketPath}:nossl\n`;
    for (const { name, text } of transcriptsIn(new URL("../applets/", import.meta.url).pathname)) {
      if (!TRANSCRIPTS.includes(name)) continue;
      await t.step(name, async () => {
        const database = await openMysql(server.settings, { createDatabase: true });
        await database.run("DROP DATABASE indimail");
        await database.run("CREATE DATABASE indimail");
        await database.close();
        await runTranscript(text, {
          isLeftOut: ({ output }) => output.some((one) => EMBEDDED.test(one)),
          async prepare(root) {
            await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
            await Deno.writeTextFile(`${root}/etc/indimail/control/host.mysql`, line);
          },
        });
      });
    }
  },
});
