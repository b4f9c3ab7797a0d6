/** View for operators: the sessions of the Custom Labels model, with what each step took and what it cost. */

import { call } from "./api.js";
import { element, emptyState, externalLink, failureState, fill } from "./elements.js";
import { dateTime, dollars, duration, executionStatus, number } from "./format.js";
import { poll } from "./poll.js";
import { badge } from "./tiles.js";

/** @returns {{root: HTMLElement, title: string, close: () => void}} */
export function open() {
  const content = element("div", {}, element("p", { class: "hint" }, "Loading sessions …"));
  const root = element("section", {}, element("div", { class: "heading" }, element("h1", { tabindex: -1 }, "Model sessions")), content);
  let shown = "";
  let isRunning = false;

  async function load() {
    try {
      await look();
    } catch (problem) {
      fill(content, failureState(problem, load));
    }
    live.wake();
  }

  async function look() {
    const { sessions } = await call("GET", "sessions");
    isRunning = sessions.some(({ status }) => status === "RUNNING");
    const text = JSON.stringify(sessions);
    if (text === shown) return "same";
    shown = text;
    const empty = emptyState("No session yet", "The model starts by itself when drawings wait for inspection, and stops when none are left.");
    fill(content, sessions.length === 0 ? empty : element("ul", { class: "cards", "aria-label": "Model sessions" }, sessions.map(card)));
    return "changed";
  }

  const live = poll(() => (isRunning ? look() : "settled"));
  load();
  return { root, title: "Model sessions", close: live.stop };
}

function card(session) {
  const facts = [
    ["Images", session.images === null ? null : number(session.images)],
    ["Model minutes", session.model_minutes === null ? null : session.model_minutes.toFixed(1)],
    ["Cost", session.cost_dollars === null ? null : dollars(session.cost_dollars)],
  ].filter(([, value]) => value !== null);
  const { error } = session;
  return element(
    "li",
    { class: "card" },
    element("div", { class: "heading" }, element("h2", {}, dateTime(session.started_at)), badge(executionStatus(session.status))),
    facts.length > 0 && element("dl", { class: "counts" }, facts.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value)))),
    error && element("div", { class: "callout bad" }, element("p", {}, error.cause ? `${error.name}: ${error.cause}` : String(error))),
    session.timeline.length > 0 && timeline(session),
    session.execution_url && externalLink(session.execution_url, "Open the execution"),
  );
}

/** Each step with the moment it came and a bar as long as it lasted. */
function timeline({ timeline: steps, ended_at: end }) {
  const at = steps.map((step) => Date.parse(step.at));
  const [first, last] = [at[0], Math.max(end ? Date.parse(end) : Date.now(), ...at)];
  const share = (from, to) => `${((to - from) / Math.max(last - first, 1)) * 100}%`;
  return element(
    "ol",
    { class: "timeline", "aria-label": "Timeline" },
    steps.map(({ state }, index) => {
      const bar = element("span", { class: "step", "aria-hidden": "true" });
      bar.style.setProperty("--from", share(first, at[index]));
      bar.style.setProperty("--share", share(at[index], at[index + 1] ?? last));
      return element("li", {}, element("span", { class: "name" }, state), element("span", { class: "figure" }, `+${duration((at[index] - first) / 1000)}`), bar);
    }),
  );
}
