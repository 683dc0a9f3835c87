// Enhances a page that works without JavaScript: detects the visitor's zone, changes zones without a button, and
// prevents submitting a form twice.
"use strict";

(() => {
  // --- the visitor's zone ------------------------------------------------------------------------------------------

  // Runs before the page is rendered, so that times do not change in view. A zone in the address was chosen: it stays.
  const shown = document.currentScript.dataset.zone;
  const here = new URL(location.href);
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (shown && own && own !== shown && !here.searchParams.has("tz")) {
    here.searchParams.set("tz", own);
    location.replace(here);
  }

  // Arrow keys change a closed list at every press: keyboard users submit the form with the button, or with Enter.
  function change(zones) {
    const button = zones.form.querySelector("button");
    let typed = false;
    button.hidden = true;
    zones.addEventListener("pointerdown", () => (typed = false));
    zones.addEventListener("keydown", (event) => {
      typed = true;
      if (event.key === "Enter" && !button.hidden) zones.form.requestSubmit();
    });
    zones.addEventListener("change", () => (typed ? (button.hidden = false) : zones.form.requestSubmit()));
  }

  // --- forms -------------------------------------------------------------------------------------------------------

  // aria-disabled, because a button that is really disabled loses the keyboard focus.
  function once(form) {
    const button = form.querySelector("button");
    form.addEventListener("submit", (event) => {
      if (button.getAttribute("aria-disabled") === "true") {
        event.preventDefault();
        return;
      }
      button.setAttribute("aria-disabled", "true");
      button.textContent = button.dataset.busy;
    });
  }

  // The policy may block the redirect that answers a form. The booking is made nevertheless: show it here.
  document.addEventListener("securitypolicyviolation", (event) => {
    if (event.effectiveDirective === "form-action") location.replace("?");
  });

  addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("#tz").forEach(change);
    document.querySelectorAll("form[method=post]").forEach(once);
  });

  // A page from the back/forward cache is stale.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
