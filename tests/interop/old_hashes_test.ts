/**
 * Hashes that other programs made: mkpasswd, doveadm pw, openssl passwd, htpasswd, and those of vpopmail's database. Our
 * login takes the password of each, and no other.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { command } from "../support/installation.ts";
import { makeSite } from "../support/site.ts";
import { libcrypt } from "../../core/libc/crypt.ts";
import { startLookup } from "../../servers/lookup/testing.ts";

libcrypt();

/** Eight characters or fewer, as DES hashes look no further; with what a shell or SQL might take for more. */
const PASSWORD = "s3'c\"r%t";

/** Who makes hashes: the password goes to standard input unless the program wants it as an argument. */
const MAKERS: readonly (readonly [program: string, ...args: string[]])[] = [
  ...["descrypt", "md5crypt", "bcrypt-a", "sha256crypt", "sha512crypt", "yescrypt"].map((method) =>
    ["mkpasswd", "-s", "-m", method] as const
  ),
  ["mkpasswd", "-s", "-m", "bcrypt", "-R", "4"],
  ["mkpasswd", "-s", "-m", "sha512crypt", "-R", "1000"],
  ["mkpasswd", "-s", "-m", "sha256crypt", "-R", "77777"],
  ["openssl", "passwd", "-1", "-stdin"],
  ["openssl", "passwd", "-5", "-stdin"],
  ["openssl", "passwd", "-6", "-stdin"],
  ["openssl", "passwd", "-1", "-salt", "ab", "-stdin"],
  ["htpasswd", "-niB", "-C", "4", "user"],
  ["htpasswd", "-nid", "user"],
  ...["DES-CRYPT", "MD5-CRYPT", "BLF-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "CRYPT"].map((scheme) =>
    ["doveadm", "pw", "-s", scheme, "-p", PASSWORD] as const
  ),
];

/** Rows of tables of vpopmail: MD5 with its salts of eight characters, DES from before, by crypt(3) of the password `secret`. */
const STORED_BY_VPOPMAIL = ["$1$6fR3.Kq/$", "$1$ab$", "q1"];

async function made([program, ...args]: readonly [string, ...string[]]): Promise<string> {
  const { code, stdout, stderr } = await command(program, args, { stdin: `${PASSWORD}\n` });
  assertEquals(code, 0, stderr);
  return stdout.trim().replace(/^user:/, "").replace(/^\{[\w-]+\}/, "");
}

async function cryptOf(setting: string): Promise<string> {
  const script = "print crypt('secret', $ARGV[0])";
  return (await command("perl", ["-e", script, "--", setting])).stdout;
}

Deno.test("hashes of other programs are taken by our login, and no other password", async () => {
  await using site = await makeSite();
  await site.addDomain("example.org");
  await using lookup = await startLookup(site);
  const context = { service: "imap", remoteHost: "127.0.0.1" } as const;
  const prefixes = new Set<string>();
  const login = async (user: string, password: string) =>
    (await lookup.client.verifyPassword(user, password, context)).kind;
  const check = async (hash: string, from: { readonly maker: string; readonly password: string }) => {
    const { maker, password } = from;
    const user = `u${prefixes.size}-${crypto.randomUUID().slice(0, 8)}@example.org`;
    await site.addUser(user, hash, { encrypted: true, scram: undefined, clear: false });
    prefixes.add(/^\$\w+\$/.exec(hash)?.[0] ?? "DES");
    assertEquals(await login(user, password), "ok", `${maker}: ${hash}`);
    for (const wrong of [`x${password}`, password.toUpperCase(), password.slice(1), "", hash]) {
      assert(await login(user, wrong) !== "ok", `${maker}: ${wrong} for ${hash}`);
    }
  };
  for (const maker of MAKERS) {
    await check(await made(maker), { maker: maker.filter((word) => word !== PASSWORD).join(" "), password: PASSWORD });
  }
  for (const setting of STORED_BY_VPOPMAIL) {
    await check(await cryptOf(setting), { maker: "vpopmail", password: "secret" });
  }
  assertEquals([...prefixes].sort(), ["$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "DES"]);
});
