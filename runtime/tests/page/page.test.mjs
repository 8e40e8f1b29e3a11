// The status page in a browser, at any podinit: PODINIT_PAGE_URL=http://127.0.0.1:9001 node --test runtime/tests/page
// with a password, http://name:password@127.0.0.1:9001.
//
// PODINIT_PAGE_SERVICE names a service that may be stopped and started, the first that is ready unless told;
// PODINIT_PAGE_PICTURES a folder for pictures of it. Without a URL, or without a Chromium, nothing is tested.

import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, chromium } from "./browser.mjs";

const given = process.env.PODINIT_PAGE_URL;
const { origin: url, username, password } = given ? new URL(given) : {};
const authorization = username ? { Authorization: `Basic ${btoa(`${username}:${password}`)}` } : {};
const pictures = process.env.PODINIT_PAGE_PICTURES;
const skip = !url ? "PODINIT_PAGE_URL names no podinit" : !chromium ? "there is no Chromium" : false;
const DESKTOP = { width: 1280, height: 800 }, PHONE = { width: 360, height: 740 };
const TAB = 9, ENTER = 13, ESCAPE = 27;

let browser, service;
const button = (label) => `document.querySelector(${JSON.stringify(`button[aria-label=${JSON.stringify(label)}]`)})`;
const state = (name) => `[...document.querySelectorAll("li")].find((li) => li.querySelector("h3").textContent === ${JSON.stringify(name)}).querySelector(".state").textContent`;

/** What podinit says of all services. */
async function all() {
  const response = await fetch(new URL("/v1/status", url), { headers: authorization });
  return (await response.json()).services;
}

/** What it says of the one. */
const asked = async () => (await all()).find(({ name }) => name === service);

async function picture(name) {
  if (pictures) await browser.picture(join(pictures, `${name}.png`));
}

async function open(view) {
  await browser.go(new URL("/", given).href, view);
  await browser.until(`document.querySelectorAll("li").length > 0`);
}

before(async () => {
  if (skip) return;
  browser = await Browser.open();
  const services = await all();
  service = process.env.PODINIT_PAGE_SERVICE ?? services.find((service) => service.state === "ready").name;
});
after(() => browser?.close());

test("every service is there with its state, on a desktop and on a phone, in the light and in the dark", { skip }, async () => {
  const services = await all();
  for (const [name, view] of [["desktop", DESKTOP], ["phone", PHONE], ["dark", { ...DESKTOP, scheme: "dark" }], ["phone-dark", { ...PHONE, scheme: "dark" }]]) {
    await open(view);
    const shown = await browser.value(`[...document.querySelectorAll("h3")].map((title) => title.textContent).sort()`);
    assert.deepEqual(shown, services.map((service) => service.name).sort(), name);
    assert.equal(await browser.value("document.documentElement.scrollWidth <= innerWidth"), true, `${name}: it is wider than the screen`);
    const small = await browser.value(`[...document.querySelectorAll("button, select")].filter((b) => b.offsetParent && b.offsetHeight < 40).length`);
    assert.equal(small, 0, `${name}: buttons are too small for a finger`);
    await picture(name);
  }
  assert.deepEqual(browser.complaints, [], "the browser complains");
});

test("a service is stopped and started with the keyboard, and what came of it is said", { skip }, async () => {
  await open(DESKTOP);
  for (const [label, becomes] of [[`Stop ${service}`, /stopped/], [`Start ${service}`, /ready|starting/]]) {
    await browser.until(`!${button(label)}.disabled`);
    await browser.value(`${button("Clear log of " + service)}.focus()`);
    // As somebody does who has no mouse: with Tab from button to button, until it is this one.
    for (let presses = 0; !(await browser.value(`document.activeElement === ${button(label)}`)); presses++) {
      assert.ok(presses < 500, "Tab never comes to the button");
      await browser.press("Tab", TAB);
    }
    assert.notEqual(await browser.value(`getComputedStyle(document.activeElement).outlineStyle`), "none", "the focus is invisible");
    await picture(label.startsWith("Stop") ? "focus" : "stopped");
    await browser.press("Enter", ENTER);
    await browser.until(`${becomes}.test(${state(service)})`);
    await browser.until(`document.getElementById("said").textContent.includes(${JSON.stringify(service)})`);
  }
  await browser.until(`/ready/.test(${state(service)})`);
});

test("a click on restart makes another process of it", { skip }, async () => {
  await open(DESKTOP);
  const { pid } = await asked();
  await browser.until(`!${button(`Restart ${service}`)}.disabled`);
  await browser.value(`${button(`Restart ${service}`)}.click()`);
  await browser.until(`document.getElementById("said").textContent === ${JSON.stringify(`${service}: restarted`)}`);
  assert.notEqual((await asked()).pid, pid);
});

test("a form of another site's page, its scripts, and a page under a foreign name do nothing", { skip }, async () => {
  const { pid } = await asked();
  const target = new URL(`/v1/services/${encodeURIComponent(service)}/restart`, url);
  const form = `<form method="post" enctype="text/plain" action="${target}"><button>go</button></form>`;
  await browser.send("Page.navigate", { url: `data:text/html,${encodeURIComponent(form)}` });
  await browser.until(`document.forms.length === 1`);
  await browser.value(`fetch(${JSON.stringify(target.href)}, { method: "POST", mode: "no-cors" }).catch(() => {})`);
  await browser.value(`document.forms[0].submit()`);
  await browser.until(`location.href === ${JSON.stringify(target.href)}`);
  const headers = { Host: `rebound.example:${target.port}`, Origin: `http://rebound.example:${target.port}`, "X-Podinit": "1" };
  const status = await new Promise((done, failed) => {
    request(target, { method: "POST", headers }, (response) => done(response.resume().statusCode)).on("error", failed).end();
  });
  // Such a page has no password to send.
  assert.equal(status, username ? 401 : 403);
  assert.equal((await asked()).pid, pid);
});

test("a log is followed, on the stream that is chosen, and closed with Escape", { skip }, async () => {
  for (const [name, view] of [["log", DESKTOP], ["log-phone", PHONE]]) {
    await open(view);
    await browser.value(`${button("Log of " + service)}.click()`);
    await browser.until(`document.getElementById("log-said").textContent === "Following."`);
    await browser.until(`document.getElementById("text").textContent.length > 0`);
    await picture(name);
    await browser.value(`{ const s = document.getElementById("stream"); s.value = "stderr"; s.dispatchEvent(new Event("change")); }`);
    await browser.until(`document.getElementById("log-said").textContent === "Following."`);
    await browser.press("Escape", ESCAPE);
    await browser.until(`!document.getElementById("log").open`);
    await browser.until(`document.activeElement === ${button("Log of " + service)}`);
  }
});

test("all services are stopped only by who says so twice", { skip }, async () => {
  await open(DESKTOP);
  await browser.value(`document.getElementById("stop-all").click()`);
  await browser.until(`document.getElementById("sure").open`);
  assert.equal(await browser.value("document.activeElement.id"), "no");
  await picture("sure");
  await browser.press("Enter", ENTER);
  await browser.until(`!document.getElementById("sure").open`);
  assert.match(await browser.value(state(service)), /ready/);
});

test("the loss of the connection is said, and its return", { skip }, async () => {
  await open(DESKTOP);
  await browser.offline(true);
  await browser.until(`!document.getElementById("alert").hidden`);
  await picture("lost");
  await browser.offline(false);
  await browser.until(`document.getElementById("alert").hidden`);
});
