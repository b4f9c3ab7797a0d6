/** Poll the API, without requests while the page is in the background. */

const PACE = { firstWait: 1000, longestWait: 5000 };

/** For changes that are rare and start outside this page. */
export const SLOWLY = { firstWait: 12_000, longestWait: 12_000 };

/**
 * Poll from `wake` on: soon again after a change, and ever more slowly while nothing changes.
 *
 * @param {() => Promise<"changed"|"same"|"settled">} look After `settled`, polling stops until `wake`.
 * @param {{firstWait: number, longestWait: number}} [pace] Milliseconds.
 * @returns {{wake: () => void, stop: () => void}}
 */
export function poll(look, { firstWait, longestWait } = PACE) {
  const end = new AbortController();
  let wait = firstWait;
  let timer;
  let isLooking = false;
  let isWoken = false;

  async function turn() {
    isLooking = true;
    isWoken = false;
    // An error is ignored: the next poll may succeed, and each view shows its own error when it is opened.
    const found = await look().catch(() => "same");
    isLooking = false;
    wait = found === "changed" ? firstWait : Math.min(wait * 1.5, longestWait);
    if (found !== "settled" || isWoken) schedule();
  }

  function schedule() {
    clearTimeout(timer);
    if (!isLooking && !document.hidden && !end.signal.aborted) timer = setTimeout(turn, wait);
  }

  function wake() {
    wait = firstWait;
    isWoken = true;
    schedule();
  }

  function stop() {
    clearTimeout(timer);
    end.abort();
  }

  document.addEventListener("visibilitychange", wake, { signal: end.signal });
  return { wake, stop };
}
