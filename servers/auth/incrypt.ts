/** incrypt: crypt(3) on the command line [man incrypt.1], with a random salt of the hash wanted or one that is given. */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { cryptInBackground } from "../../core/libc/crypt.ts";
import { askPassword } from "../../storage/accounts/password_choice.ts";
import { chooseHashScheme, hashPassword, type HashScheme } from "../../storage/accounts/passwords.ts";

/** How a salt becomes what crypt(3) takes, where it is bare [man crypt.5]. */
const PREFIXES: Readonly<Record<HashScheme, string>> = {
  DES: "",
  MD5: "$1$",
  "SHA-256": "$5$",
  "SHA-512": "$6$",
  BCRYPT: "$2b$10$",
  YESCRYPT: "$y$j9T$",
};

export const applet = defineApplet({
  names: ["incrypt"],
  section: 1,
  summary: "hash a password as crypt(3) does",
  role: "tool",
  dialect: "qmail",
  options: {
    hash: {
      flag: "h",
      value: "hash",
      default: "PASSWORD_HASH, SHA-512",
      help: "DES, MD5, SHA-256, SHA-512, YESCRYPT, BCRYPT, or 0 to 4",
    },
    salt: { flag: "S", value: "salt", default: "random", help: "the salt, bare or with its prefix as in a hash" },
    saltToo: { flag: "s", value: "salt", help: "as -S" },
    verbose: { flag: "v", help: "tell which hash was made, on standard error" },
  },
  operands: [
    { name: "password", help: "asked for, or read from standard input, unless given", optional: true },
    { name: "salt", help: "as -S", optional: true },
  ],
  description:
    "incrypt prints the hash of a password. A salt that begins with $ chooses the hash itself: $1$ MD5, $2b$ bcrypt, $5$ " +
    "SHA-256, $6$ SHA-512, $y$ yescrypt; a whole hash will do, and comes out again when the password is its. Other salts are " +
    "for the hash of -h: two characters for DES, up to 8 for MD5, up to 16 for SHA-256 and SHA-512, of letters, digits, dot " +
    "and slash.\n\nA password among the arguments can be seen by all users of this host while the program runs.",
  env: { PASSWORD_HASH: "hash without -h: 0 DES, 1 MD5, 2 SHA-256, 3 SHA-512, or the name" },
  exits: { 0: "the hash is printed", 100: "the hash, the salt or the password cannot be taken" },
  examples: [{ command: "incrypt -h SHA-256 -S saltsalt secret", help: "a hash that can be made again" }],
  seeAlso: ["vpasswd(1)", "crypt(5)"],
  source: ["[man incrypt.1]", "[man crypt.5]", "[decision 0085]"],
  async run(proc) {
    const { options, args } = proc;
    const given = [options.salt, options.saltToo, args[1]].filter((one) => one !== undefined && one !== "");
    if (given.length > 1) throw new Usage("one salt");
    const scheme = chooseHashScheme(options.hash, proc.env.get("PASSWORD_HASH"));
    const [salt] = given;
    const password = args[0] ?? await askPassword(proc, "incrypt");
    if (/\p{Cc}/u.test(password)) throw new Permanent("the password holds a control character");
    const hash = salt === undefined ? await hashPassword(password, scheme) : await hashWith(password, salt, scheme);
    if (options.verbose) proc.log.line(`incrypt: ${salt?.startsWith("$") ? "hash by its salt" : scheme}`);
    await proc.stdout.write(new TextEncoder().encode(`${hash}\n`));
  },
});

async function hashWith(password: string, salt: string, scheme: HashScheme): Promise<string> {
  const setting = salt.startsWith("$") ? salt : `${PREFIXES[scheme]}${salt}`;
  const hash = await cryptInBackground(password, setting);
  if (hash === undefined) {
    throw new Permanent(`salt ${JSON.stringify(salt)} is none for ${scheme}, or the password is too long`);
  }
  return hash;
}
