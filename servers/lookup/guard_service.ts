/** The lookup service with the guard before every question that checks a secret, and the questions about bans. */
import type { AuthContext, AuthResult } from "../../storage/accounts/lookup_types.ts";
import type { LookupService } from "../../storage/accounts/lookup_protocol.ts";
import type { LoginGuard } from "./guard.ts";
import type { UnguardedService } from "./service.ts";

const DENIED: AuthResult = { kind: "denied" };

/** The guarded service. */
export function guardedService(service: UnguardedService, guard: LoginGuard): LookupService {
  const plain = (
    login: { readonly user: string; readonly secret?: string },
    { remoteHost }: AuthContext,
    run: () => Promise<AuthResult>,
  ) => guard.check({ ...login, remoteHost }, { run, kind: ({ kind }) => kind, denied: DENIED });
  const mutual = <T extends { readonly result: AuthResult }>(
    login: { readonly user: string; readonly remoteHost: string },
    denied: T,
    run: () => Promise<T>,
  ) => guard.check(login, { run, kind: ({ result }) => result.kind, denied });
  return {
    ...service,
    verifyPassword: (user, password, context) =>
      plain({ user, secret: password }, context, () => service.verifyPassword(user, password, context)),
    verifyToken: (user, token, context) =>
      plain({ user, secret: token }, context, () => service.verifyToken(user, token, context)),
    verifyCram: (user, exchange, context) =>
      plain({ user }, context, () => service.verifyCram(user, exchange, context)),
    verifyDigest: (user, exchange, context) =>
      mutual(
        { user, remoteHost: context.remoteHost },
        { result: DENIED, rspauth: "" },
        () => service.verifyDigest(user, exchange, context),
      ),
    verifyScram: (user, exchange, context) =>
      mutual(
        { user, remoteHost: context.remoteHost },
        { result: DENIED, serverSignatureBase64: "" },
        () => service.verifyScram(user, exchange, context),
      ),
    bans: () => Promise.resolve().then(() => guard.status()),
    unban: (key) => Promise.resolve().then(() => guard.unban(key)),
  };
}
