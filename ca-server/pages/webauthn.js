// Shows a security key to the server. What comes from outside goes into the page as text only.
"use strict";

const find = (id) => document.getElementById(id);
const say = (text) => { find("said").textContent = text; };

/** What the ceremony was opened with: {link} or {code}. */
let key = null;
let shown = null;

/** Posts JSON; gives the answer's JSON, or throws what the server says is wrong. */
async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
  });
  if (answer.status === 204) return null;
  const json = await answer.json();
  if (answer.ok) return json;
  throw new Error([json.title, json.detail, json.hint].filter(Boolean).join(". "));
}

/** Says who asks for what. */
function show(ceremony) {
  const registers = ceremony.label !== undefined;
  find("what").textContent = registers ? "A security key is to be added to an account." : "Somebody logs in.";
  find("user").textContent = ceremony.user;
  find("label").textContent = ceremony.label ?? "";
  find("label").hidden = find("label-name").hidden = !registers;
  find("address").textContent = ceremony.address;
  find("program").textContent = ceremony.program ?? "a program that does not say its name";
  find("ask").hidden = true;
  find("ceremony").hidden = false;
  say("");
}

async function open(by) {
  try {
    shown = await post("/webauthn/ceremony", by);
    key = by;
    show(shown);
  } catch (error) {
    find("ask").hidden = false;
    say(error.message);
  }
}

/** Asks the authenticator; the server takes one answer. */
async function credential() {
  if (shown.label !== undefined) {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(shown.options);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(shown.options);
  return navigator.credentials.get({ publicKey });
}

async function go() {
  find("go").disabled = true;
  say("Waiting for the security key.");
  let answer;
  try {
    answer = (await credential()).toJSON();
  } catch (error) {
    // Nothing was sent, so it can be tried again.
    find("go").disabled = false;
    say("The security key was not used: " + error.message);
    return;
  }
  try {
    await post("/webauthn/answer", { key, credential: answer });
    find("ceremony").hidden = true;
    say("Done. Go back to your terminal; this page can be closed.");
  } catch (error) {
    say(error.message);
  }
}

function start() {
  if (!window.PublicKeyCredential || !PublicKeyCredential.parseCreationOptionsFromJSON) {
    say("This browser is too old for security keys, or this page was not opened under its own address.");
    return;
  }
  find("open").addEventListener("click", () => open({ code: find("code").value }));
  find("code").addEventListener("keydown", (event) => { if (event.key === "Enter") find("open").click(); });
  find("go").addEventListener("click", go);
  const link = location.hash.slice(1);
  // The secret is not to stay in the address bar or the history.
  history.replaceState(null, "", location.pathname);
  if (link) open({ link });
  else find("ask").hidden = false;
}

start();
