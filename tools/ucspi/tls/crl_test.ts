/** Revocation lists that openssl makes. */
import { Temporary } from "../../../core/errors.ts";
import { assertEquals, assertThrows } from "../../../tests/support/assert.ts";
import { certificateName, parseRevoked } from "./crl.ts";

/** Makes an authority, two certificates, and a list that revokes the first, in `folder`. */
const SCRIPT = `set -e
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=ca -days 10
: >index; echo 01 >serial; echo 01 >number
cat >conf <<END
[ca]
default_ca=own
[own]
database=index
serial=serial
crlnumber=number
new_certs_dir=.
certificate=ca.pem
private_key=ca.key
default_md=sha256
default_days=5
default_crl_days=5
policy=any
[any]
commonName=supplied
END
for name in bad good; do
  openssl req $key -keyout $name.key -out $name.csr -subj /CN=$name
  openssl ca -batch -config conf -in $name.csr -out $name.pem
done
openssl ca -config conf -gencrl -out empty.crl
openssl ca -config conf -revoke bad.pem
openssl ca -config conf -gencrl -out some.crl
for name in bad good; do openssl x509 -in $name.pem -outform DER -out $name.der; done
`;

Deno.test("a revoked certificate is known by its authority and number, others are not", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const made = await new Deno.Command("sh", { args: ["-c", SCRIPT], cwd: folder, stderr: "piped" }).output();
    assertEquals(made.code, 0, new TextDecoder().decode(made.stderr));
    const revoked = parseRevoked(await Deno.readTextFile(`${folder}/some.crl`), "some.crl");
    assertEquals(revoked.has(certificateName(await Deno.readFile(`${folder}/bad.der`))), true);
    assertEquals(revoked.has(certificateName(await Deno.readFile(`${folder}/good.der`))), false);
    assertEquals(parseRevoked(await Deno.readTextFile(`${folder}/empty.crl`), "empty.crl").size, 0);
    assertThrows(() => parseRevoked("nothing", "x"), Temporary, "x has no revocation list");
    const broken = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----";
    assertThrows(() => parseRevoked(broken, "x"), Temporary, "x is not a list of revoked");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("bytes that are no certificate are refused, whatever they are", () => {
  for (let round = 0; round < 500; round++) {
    const bytes = crypto.getRandomValues(new Uint8Array(round % 60));
    if (bytes.length > 0) bytes[0] = 0x30;
    assertThrows(() => certificateName(bytes), RangeError);
  }
});
