/** crypt(3) in JavaScript: which scheme a setting names [man crypt.5]. */
import { bcrypt } from "./bcrypt.ts";
import { desCrypt } from "./des_crypt.ts";
import { md5Crypt } from "./md5_crypt.ts";
import { shaCrypt } from "./sha_crypt.ts";
import { yescrypt } from "./yescrypt.ts";

/** Longest password, in bytes (CRYPT_MAX_PASSPHRASE_SIZE of libxcrypt). */
export const CRYPT_PASSWORD_BYTES_MAX = 511;

/**
 * The hash of `password` (its UTF-8 bytes) with `setting`, a salt or a whole stored hash; undefined when the setting is not one
 * that is known here, or the password is too long or holds a NUL. What takes long is computed in slices.
 */
export async function cryptInJavaScript(password: string, setting: string): Promise<string | undefined> {
  if (password.includes("\0") || setting.includes("\0")) return undefined;
  const bytes = new TextEncoder().encode(password);
  if (bytes.length > CRYPT_PASSWORD_BYTES_MAX) return undefined;
  try {
    if (setting.startsWith("$1$")) return md5Crypt(bytes, setting);
    if (/^\$[56]\$/.test(setting)) return await shaCrypt(bytes, setting);
    if (setting.startsWith("$2")) return await bcrypt(bytes, setting);
    if (setting.startsWith("$y$")) return await yescrypt(bytes, setting);
    return desCrypt(bytes, setting);
  } finally {
    bytes.fill(0);
  }
}
