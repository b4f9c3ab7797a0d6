/** View: set up, replace or remove the second factor of the signed-in person. */

import { ask as askInDialog } from "./dialogs.js";
import { attempt, button, element, field, fill, headingRow } from "./elements.js";
import { announce } from "./notices.js";
import { accountToken, email, forgetAccountToken, signIn } from "./session.js";
import { ask } from "./user_pool.js";

const SOFTWARE_TOKEN = "SOFTWARE_TOKEN_MFA";
const ISSUER = "Image recognition";

export function open({ signOut }) {
  const body = element("div.factor");
  const root = element("section", headingRow("Second factor"), body);

  function showBeginning(problem) {
    const complaint = element("p.complaint", { role: "alert" }, problem?.message || "");
    const go = () => signIn({ forAccount: true }).catch(({ message }) => (complaint.textContent = message));
    fill(
      body,
      element("p", "With a second factor, you sign in with your password and a six-digit code from an authenticator app. Your password alone is then not enough. Operators need a second factor."),
      element("p.hint", "You are asked for your password first. When the second factor has changed, you are signed out everywhere."),
      complaint,
      element("div.actions", button("Continue", go, { class: "primary" })),
    );
  }

  async function showState() {
    const { UserMFASettingList: factors = [] } = await ask("GetUser");
    if (!factors.includes(SOFTWARE_TOKEN)) return showKey();
    fill(
      body,
      element("p", "Your account has a second factor."),
      element(
        "div.actions",
        button("Replace it", () => attempt(body, showKey), { class: "primary" }),
        button("Remove it", remove, { class: "danger" }),
      ),
    );
  }

  async function showKey() {
    const { SecretCode: key } = await ask("AssociateSoftwareToken");
    const input = element("input", { inputmode: "numeric", autocomplete: "one-time-code", pattern: "[0-9]{6}", maxlength: 6, required: true });
    const complaint = element("p.complaint", { role: "alert" });
    const go = button("Set up", null, { type: "submit", class: "primary" });
    fill(
      body,
      element("p", "Add an account to your authenticator app with this key. It is shown once. Anyone who has it can generate your codes."),
      element("p", element("code.key", { "aria-label": "Key" }, key.match(/.{1,4}/g).join(" "))),
      element("p", element("a", { href: addressOf(key) }, "Add it to an app on this device")),
      element(
        "form",
        { onsubmit: (event) => (event.preventDefault(), setUp(input, go, complaint)) },
        field("Code", input, "The six digits that the app shows now."),
        complaint,
        element("div.actions", go),
      ),
    );
    // The pressed button was removed; a screen reader continues with the key.
    body.firstElementChild.tabIndex = -1;
    body.firstElementChild.focus();
  }

  async function setUp(input, go, complaint) {
    if (go.ariaDisabled) return;
    go.ariaDisabled = "true";
    complaint.textContent = "";
    try {
      await ask("VerifySoftwareToken", { UserCode: input.value, FriendlyDeviceName: "Authenticator app" });
      await ask("SetUserMFAPreference", { SoftwareTokenMfaSettings: { Enabled: true, PreferredMfa: true } });
      await end("Your second factor is set. Sign in again, with a code.");
    } catch (problem) {
      if (problem.isOver) return beginAgain(problem);
      complaint.textContent = problem.message;
      input.select();
    }
    go.ariaDisabled = null;
  }

  function remove() {
    const content = [element("p", "You then sign in with your password alone. An operator without a second factor loses operator access.")];
    const run = async () => {
      await ask("SetUserMFAPreference", { SoftwareTokenMfaSettings: { Enabled: false } });
      await end("Your second factor is removed. Sign in again.");
    };
    return askInDialog({ title: "Remove the second factor?", content, confirm: "Remove", danger: true, run });
  }

  /** Sign out everywhere: sessions that began before would continue without the change. */
  async function end(sentence) {
    await ask("GlobalSignOut");
    await forgetAccountToken();
    fill(body, element("p", sentence), element("div.actions", button("Sign in again", signOut, { class: "primary" })));
    announce(sentence);
    body.querySelector("button").focus();
  }

  async function beginAgain(problem) {
    await forgetAccountToken();
    showBeginning(problem);
  }

  if (accountToken()) attempt(body, () => showState().catch((problem) => (problem.isOver ? beginAgain(problem) : Promise.reject(problem))));
  else showBeginning();
  return { root, title: "Second factor", close: forgetAccountToken };
}

/** https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html */
function addressOf(key) {
  const account = encodeURIComponent(`${ISSUER}:${email() || "account"}`);
  return `otpauth://totp/${account}?secret=${key}&issuer=${encodeURIComponent(ISSUER)}`;
}
