/** A list that the API gives page by page. */

import { attempt, button, emptyState, fill } from "./elements.js";
import { plural } from "./format.js";

/**
 * Only an empty cursor says that a page is the last: one may hold nothing although there is more further back.
 *
 * @param {object} parts
 * @param {HTMLElement} parts.below Where it says that the list goes on, is empty, or did not come.
 * @param {(query: {cursor: string|null}, signal: AbortSignal) => Promise<{cursor: string|null}>} parts.ask
 * @param {() => void} parts.clear Take away what is shown: the first page has come, or has not.
 * @param {(answer: object) => void} parts.show
 * @param {() => number} parts.count How many are shown.
 * @param {() => HTMLElement} parts.nothing What stands below when all pages hold nothing.
 * @param {boolean} [parts.isEndless] Load on when the end comes near: nobody should have to press "Show more" while scrolling.
 * @returns {object} `load()` from the start, `loadMore()`, `showEnd()` after something came or went otherwise,
 *   `found(one)` in words, `stop()`; `cursor`, `signal`, which is aborted when another list is asked for, and `isLoaded`,
 *   whether its first page is there.
 */
export function pages({ below, ask, clear, show, count, nothing, isEndless = false }) {
  const more = button("Show more", loadMore);
  const list = { load, loadMore, showEnd, found, stop, cursor: null, signal: null, isLoaded: false };
  let request = null;
  let loading = null;

  function load() {
    stop();
    request = new AbortController();
    // The place at which the last list goes on is none in this one.
    Object.assign(list, { cursor: null, signal: request.signal, isLoaded: false });
    fill(below);
    return loadPage();
  }

  /** Whoever wants more while a page is under way waits for that one. */
  function loadMore() {
    return loading || loadPage();
  }

  function loadPage() {
    const { signal } = list;
    const mine = attempt(below, async () => {
      const isFirst = !list.isLoaded;
      const answer = await ask({ cursor: list.cursor }, signal).catch((error) => {
        if (signal.aborted) return null; // Another list has been asked for since.
        if (isFirst) clear();
        throw error;
      });
      if (!answer || signal.aborted) return;
      if (isFirst) clear();
      Object.assign(list, { cursor: answer.cursor, isLoaded: true });
      show(answer);
      showEnd();
    });
    loading = mine;
    return mine.finally(() => loading === mine && (loading = null));
  }

  // On a busy machine several observations come at once, of which the last one counts.
  const end = new IntersectionObserver((seen) => seen.at(-1).isIntersecting && loadMore(), { rootMargin: "600px" });

  function showEnd() {
    // Until the first page is there, this place says so, or why it did not come.
    if (!list.isLoaded) return;
    const isPressed = document.activeElement === more;
    const text = "What was looked at so far does not fit. There may be more further back.";
    const none = count() === 0 && (list.cursor ? emptyState("Nothing found yet", text) : nothing());
    fill(below, none, list.cursor && more);
    end.disconnect();
    if (!list.cursor) return;
    if (isPressed) more.focus({ preventScroll: true });
    if (isEndless) end.observe(more);
  }

  function found(one) {
    if (count() === 0 && list.cursor) return "Nothing found yet; there may be more further back.";
    return `${plural(count(), one)}${list.cursor ? " and more" : ""} found.`;
  }

  function stop() {
    request?.abort();
    end.disconnect();
  }

  return list;
}
