/** Waiting for what happens in another process. */

/** Long, because on an emulated or busy machine seconds are not much, and a test that passes does not wait for it. */
const limitMs = 60_000;
const pauseMs = 10;

/** Looks until `look` says so. Throws, naming `what`, after a minute. */
export async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await Bun.sleep(pauseMs);
  }
}

/** Looks until two looks in a row see the same, and returns that. */
export async function settled<T>(what: string, look: () => T | Promise<T>, betweenMs = 100): Promise<T> {
  let last = await look();
  await until(`${what} to settle`, async () => {
    await Bun.sleep(betweenMs);
    const next = await look();
    const same = Bun.deepEquals(last, next);
    last = next;
    return same;
  });
  return last;
}

/** Attempts until one succeeds, and returns what that gives. Throws the last failure after a minute. */
export async function succeeds<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      if (performance.now() > deadline) throw thrown;
      await Bun.sleep(pauseMs);
    }
  }
}

/**
 * Lets time pass, where there is nothing to wait for: something must not happen, or the moment itself is what is tested.
 * `_why` says which. No result of a test may depend on this being long enough.
 */
export async function pause(ms: number, _why: string): Promise<void> {
  await Bun.sleep(ms);
}
