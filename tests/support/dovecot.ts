/** A private Dovecot of Debian's package on loopback ports, with users from a MySQL database: nothing of /etc is touched. */
import { answers, command, eventually } from "./installation.ts";

/** How its database is reached, and who owns the mail. */
export interface DovecotSettings {
  readonly database: { readonly port: number; readonly user: string; readonly password: string; readonly name: string };
  /** The user and group who own all homes; not root. */
  readonly uid: number;
  readonly gid: number;
}

/** A running Dovecot. */
export interface DovecotServer extends AsyncDisposable {
  readonly imapPort: number;
  readonly pop3Port: number;
  /** What it has logged. */
  log(): Promise<string>;
}

/** Both queries leave out who has the bit of pw_gid that closes the service. */
const PASSWORD_QUERY = "SELECT CONCAT(pw_name, '@', pw_domain) AS user, pw_passwd AS password FROM indimail " +
  "WHERE pw_name = '%Ln' AND pw_domain = '%Ld' AND NOT pw_gid & IF('%s' = 'pop3', 2, 8)";

function userQuery({ uid, gid }: DovecotSettings): string {
  return "SELECT pw_dir AS home, CONCAT('maildir:', pw_dir, '/Maildir') AS mail, " +
    `${uid} AS uid, ${gid} AS gid, CONCAT('*:bytes=', CAST(pw_shell AS UNSIGNED)) AS quota_rule ` +
    "FROM indimail WHERE pw_name = '%Ln' AND pw_domain = '%Ld'";
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts one; needs root, as Dovecot does. */
export async function startDovecot(settings: DovecotSettings): Promise<DovecotServer> {
  const folder = await Deno.makeTempDir({ prefix: "dovecot-test." });
  await Deno.chmod(folder, 0o755);
  const [imapPort, pop3Port] = [freePort(), freePort()];
  const { port, user, password, name } = settings.database;
  await Deno.writeTextFile(
    `${folder}/sql.conf`,
    `driver = mysql
connect = host=127.0.0.1 port=${port} dbname=${name} user=${user} password=${password}
default_pass_scheme = CRYPT
password_query = ${PASSWORD_QUERY}
user_query = ${userQuery(settings)}
`,
  );
  await Deno.writeTextFile(
    `${folder}/dovecot.conf`,
    `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
first_valid_uid = 1
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
}
passdb {
  driver = sql
  args = ${folder}/sql.conf
}
userdb {
  driver = sql
  args = ${folder}/sql.conf
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${pop3Port}
  }
  inet_listener pop3s {
    port = 0
  }
}
`,
  );
  const master = new Deno.Command("dovecot", {
    args: ["-F", "-c", `${folder}/dovecot.conf`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await eventually("Dovecot", () => answers(imapPort));
  return {
    imapPort,
    pop3Port,
    log: () => Deno.readTextFile(`${folder}/log`),
    async [Symbol.asyncDispose]() {
      await command("doveadm", ["-c", `${folder}/dovecot.conf`, "stop"]);
      await master.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
