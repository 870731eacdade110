/**
 * Signals as a program sees them: `stopping` for TERM and INT, handlers for the others. In the main thread they come from
 * the system, in a daemon's Worker by messages from its main thread.
 */

/** Where signals come from. */
export interface Signals {
  /** Aborts at TERM or INT. The default action (to end) holds until this is first read. */
  readonly stopping: AbortSignal;
  on(signal: Deno.Signal, handler: () => void): void;
  /** Takes all handlers off again. */
  close(): void;
}

/** The process's own signals. */
export function systemSignals(): Signals {
  const listeners: { signal: Deno.Signal; handler: () => void }[] = [];
  let stop: AbortController | undefined;
  function on(signal: Deno.Signal, handler: () => void): void {
    Deno.addSignalListener(signal, handler);
    listeners.push({ signal, handler });
  }
  return {
    get stopping() {
      if (!stop) {
        const controller = new AbortController();
        stop = controller;
        for (const signal of ["SIGTERM", "SIGINT"] as const) on(signal, () => controller.abort());
      }
      return stop.signal;
    },
    on,
    close() {
      for (const { signal, handler } of listeners.splice(0)) Deno.removeSignalListener(signal, handler);
    },
  };
}

/** Signals that a daemon's main thread hands on to its Worker. */
export const FORWARDED_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2"] as const;

/** Signals given by `deliver`. */
export function deliveredSignals(): Signals & { deliver(signal: string): void } {
  const stop = new AbortController();
  const handlers = new Map<string, (() => void)[]>();
  return {
    stopping: stop.signal,
    on(signal, handler) {
      handlers.set(signal, [...handlers.get(signal) ?? [], handler]);
    },
    close() {
      handlers.clear();
    },
    deliver(signal) {
      if (signal === "SIGTERM" || signal === "SIGINT") stop.abort();
      for (const handler of handlers.get(signal) ?? []) handler();
    },
  };
}
