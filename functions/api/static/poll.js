/** Looking again and again, without wasting a request on a page that nobody sees. */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 5000;

/**
 * Look one second from now, and again: soon after a change, ever later while nothing changes.
 *
 * @param {() => Promise<"changed"|"same"|"settled">} look `settled` ends the looking until `wake` is called.
 * @returns {{wake: () => void, stop: () => void}}
 */
export function poll(look) {
  let wait = FIRST_WAIT_MS;
  let timer;
  let looking = false;
  let wokenMeanwhile = false;
  let stopped = false;

  async function turn() {
    timer = undefined;
    if (looking || stopped || document.hidden) return;
    looking = true;
    wokenMeanwhile = false;
    let found = "same";
    try {
      found = await look();
    } catch {
      // The next look may find the service again; a view shows its own failure when it is opened.
    }
    looking = false;
    wait = found === "changed" ? FIRST_WAIT_MS : Math.min(wait * 1.5, LONGEST_WAIT_MS);
    if (found !== "settled" || wokenMeanwhile) schedule();
  }

  function schedule() {
    if (stopped || document.hidden || looking) return;
    clearTimeout(timer);
    timer = setTimeout(turn, wait);
  }

  function wake() {
    wait = FIRST_WAIT_MS;
    wokenMeanwhile = true;
    schedule();
  }

  function onVisibility() {
    if (document.hidden) clearTimeout(timer);
    else wake();
  }

  document.addEventListener("visibilitychange", onVisibility);
  return {
    wake,
    stop() {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisibility);
    },
  };
}
