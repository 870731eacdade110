/** Questions to the servers of tokens: JSON over HTTP with a time limit. Trouble is temporary and names only the host. */
import { errorText, Temporary } from "../../core/errors.ts";

/** Time for a question: less than the clients of the lookup daemon wait for its answer. */
export const TOKEN_HTTP_TIMEOUT_MS = 3000;
/** Bytes of an answer. */
export const TOKEN_HTTP_BYTES_MAX = 256 * 1024;

/** A question. */
export interface TokenQuestion {
  /** Sent by POST; without it the question is a GET. */
  readonly form?: URLSearchParams;
  /** Header Authorization. */
  readonly authorization?: string | undefined;
}

/** Asks a server; the answer is parsed JSON. Throws Temporary when there is none. */
export type AskTokenServer = (url: string, question: TokenQuestion) => Promise<unknown>;

/** Asks by fetch. */
export const askTokenServer: AskTokenServer = async (url, question) => {
  const { host } = new URL(url);
  try {
    const answer = await fetch(url, {
      headers: {
        accept: "application/json",
        ...(question.authorization !== undefined && { authorization: question.authorization }),
      },
      redirect: "error",
      signal: AbortSignal.timeout(TOKEN_HTTP_TIMEOUT_MS),
      ...(question.form && { method: "POST", body: question.form }),
    });
    const text = await bodyText(answer);
    if (!answer.ok) throw new Temporary(`answered ${answer.status}`);
    return JSON.parse(text);
  } catch (error) {
    throw new Temporary(`tokens cannot be checked now: ${host}: ${errorText(error)}`);
  }
};

async function bodyText(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > TOKEN_HTTP_BYTES_MAX) throw new Temporary(`answer longer than ${TOKEN_HTTP_BYTES_MAX} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
