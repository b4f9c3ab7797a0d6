/** A list that the API returns page by page. */

import { attempt, button, emptyState, fill } from "./elements.js";
import { plural } from "./format.js";

/**
 * Load a list page by page. Only an empty cursor marks the last page: a page may be empty although older ones are not.
 *
 * @param {object} parts
 * @param {HTMLElement} parts.below The place for "Show more", for the text of an empty list, and for an error.
 * @param {(query: {cursor: string|null}, signal: AbortSignal) => Promise<{cursor: string|null}>} parts.ask
 * @param {() => void} parts.clear Remove what is shown, when the first page is loaded or has failed.
 * @param {(answer: object) => void} parts.show
 * @param {() => number} parts.count How many entries are shown.
 * @param {() => HTMLElement} parts.nothing The text to show when all pages are empty.
 * @param {boolean} [parts.isEndless] Load more when the end scrolls near, without a press of "Show more".
 * @returns {object} `load()` from the start, `loadMore()`, `showEnd()` after an entry was added or removed elsewhere,
 *   `found(one)` in words, `stop()`; `cursor`, `signal`, which is aborted when another list is requested, and
 *   `isLoaded`, whether its first page is loaded.
 */
export function pages({ below, ask, clear, show, count, nothing, isEndless = false }) {
  const more = button("Show more", loadMore);
  const list = { load, loadMore, showEnd, found, stop, cursor: null, signal: null, isLoaded: false };
  let request = null;
  let loading = null;

  function load() {
    stop();
    request = new AbortController();
    // The cursor of the last list is not valid for this one.
    Object.assign(list, { cursor: null, signal: request.signal, isLoaded: false });
    fill(below);
    return loadPage();
  }

  /** Load the next page, or wait for the one that is loading. */
  function loadMore() {
    return loading || loadPage();
  }

  function loadPage() {
    const { signal } = list;
    const mine = attempt(below, async () => {
      const isFirst = !list.isLoaded;
      const answer = await ask({ cursor: list.cursor }, signal).catch((error) => {
        if (signal.aborted) return null; // Another list has been requested since.
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

  // On a busy machine several entries come at once; the last one is current.
  const end = new IntersectionObserver((seen) => seen.at(-1).isIntersecting && loadMore(), { rootMargin: "600px" });

  function showEnd() {
    // Until the first page is loaded, this place says that it is loading, or why it failed.
    if (!list.isLoaded) return;
    const isPressed = document.activeElement === more;
    const text = "Nothing matches so far. There may be more further back.";
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
