/** Looking again and again, without a request for a page that nobody sees. */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 5000;

/**
 * Look when woken, a second later: soon again after a change, ever later while nothing changes.
 *
 * @param {() => Promise<"changed"|"same"|"settled">} look After `settled` nothing is looked at until `wake`.
 * @returns {{wake: () => void, stop: () => void}}
 */
export function poll(look) {
  const end = new AbortController();
  let wait = FIRST_WAIT_MS;
  let timer;
  let isLooking = false;
  let isWoken = false;

  async function turn() {
    isLooking = true;
    isWoken = false;
    // The next look may find the service again; a view shows its own failure when it is opened.
    const found = await look().catch(() => "same");
    isLooking = false;
    wait = found === "changed" ? FIRST_WAIT_MS : Math.min(wait * 1.5, LONGEST_WAIT_MS);
    if (found !== "settled" || isWoken) schedule();
  }

  function schedule() {
    clearTimeout(timer);
    if (!isLooking && !document.hidden && !end.signal.aborted) timer = setTimeout(turn, wait);
  }

  function wake() {
    wait = FIRST_WAIT_MS;
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
