/** View for operators: the sessions of the Custom Labels model, with the duration of each step and the cost. */

import { call } from "./api.js";
import { attempt, definitions, element, emptyState, externalLink, fill, headingRow, list } from "./elements.js";
import { dateTime, dollars, duration, failure, number, runStatus } from "./format.js";
import { poll, SLOWLY } from "./poll.js";
import { badge } from "./tiles.js";

export function open() {
  const content = element("div", element("p.hint", "Loading sessions …"));
  const root = element("section", headingRow("Model sessions"), content);
  let shown;
  let isRunning;

  async function look() {
    const { sessions } = await call("GET", "sessions");
    isRunning = sessions.some(({ status }) => status === "RUNNING");
    const text = JSON.stringify(sessions);
    if (text === shown) return "same";
    shown = text;
    const none = "The model starts by itself when images wait for inspection, and stops when none are left.";
    const cards = list("ul.cards", "Model sessions", sessions.map(card));
    fill(content, sessions.length > 0 ? cards : emptyState("No session yet", none));
    return "changed";
  }

  const live = poll(async () => (isRunning ? look() : "settled"));
  // A session starts by itself when images wait for inspection.
  const others = poll(lookAndFollow, SLOWLY);

  async function lookAndFollow() {
    const found = await look();
    if (isRunning) live.wake();
    return found;
  }

  attempt(content, async () => {
    await lookAndFollow();
    others.wake();
  });
  return { root, title: "Model sessions", close: () => (live.stop(), others.stop()) };
}

function card(session) {
  const { images, model_minutes: minutes, cost_dollars: cost, error, timeline: steps } = session;
  return element(
    "div.card",
    element("div.heading", element("h2", dateTime(session.started_at)), badge(runStatus(session))),
    definitions("dl.counts", [
      ["Images", images !== null && number(images)],
      ["Model minutes", minutes !== null && minutes.toFixed(1)],
      ["Cost", cost !== null && dollars(cost)],
    ]),
    error && element("p.callout.bad", failure(error)),
    steps.length > 0 && timeline(steps, session.ended_at),
    session.execution_url && externalLink(session.execution_url, "Open the execution"),
  );
}

/** Each step with the time at which it began, and a bar for its duration. */
function timeline(steps, end) {
  const at = steps.map((step) => Date.parse(step.at));
  const first = at[0];
  const last = Math.max(end ? Date.parse(end) : Date.now(), ...at);
  const share = (milliseconds) => `${(milliseconds / (last - first || 1)) * 100}%`;
  const row = ({ state }, index) => {
    const bar = element("span.step", { "aria-hidden": "true" });
    bar.style.setProperty("--from", share(at[index] - first));
    bar.style.setProperty("--share", share((at[index + 1] ?? last) - at[index]));
    return [state, element("span.figure", `+${duration((at[index] - first) / 1000)}`), bar];
  };
  return list("ol.timeline", "Timeline", steps.map(row));
}
